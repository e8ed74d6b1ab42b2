"""Follows a deployment's log and checks every law on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pmengine.invariants import Breach, Law, Violation, Watch, state_checks
from pmengine.services.log import Log, Place
from pmengine.services.verifying.beginning import Beginning, begin
from pmengine.services.verifying.chain import chain_violation, forward_violations
from pmengine.services.verifying.projected import ProjectionComparison
from pmengine.services.verifying.report import Report
from pmengine.services.verifying.snapshots import SnapshotComparison
from pmengine.services.verifying.stores import StoreComparison
from pmstore import Batch, CorruptData, Entry, Position, Restored, SnapshotStore, Stream

READ_ENTRIES_MAX: Final = 64
READ_WAIT_S: Final = 1.0
COMPLETE_EVERY: Final = 1_000
BREACHES_MAX: Final = 20
STORES_WAIT_S: Final = 2.0
STORES_POLL_S: Final = 0.05

Heard = Callable[[Breach], None]


class Verifier:
    """
    Folds a log and looks at every law: after each command at what it touched, and completely
    where it begins, every *complete_every* entries, and where it ends.

    Args:
        log: Read only; nothing is written anywhere.
        beginning: The state and place to begin with; the state becomes this object's own.
        snapshots: Where it begins again behind a gap of the log.
        compare_snapshots: Whether they are compared with the log at their numbers, too.
        stores: Compared where they stand; None leaves them out.
        projections: Streams by name that are compared entry by entry.
        ledger: Whether the deployment keeps money and tokens.
        fee_account: Whose cash the fees become.
        id_memory_s: As the deployment has it.
        breaches_max: How many different breaches are told; with the last it ends.
        heard: Is called with each breach as it is found.
        advanced: Is called with how many entries more were looked at.
    """

    def __init__(
        self,
        log: Log,
        beginning: Beginning,
        *,
        id_memory_s: int,
        snapshots: SnapshotStore | None = None,
        compare_snapshots: bool = True,
        stores: StoreComparison | None = None,
        projections: Mapping[str, Stream] | None = None,
        ledger: bool = True,
        fee_account: str = "fees",
        complete_every: int = COMPLETE_EVERY,
        breaches_max: int = BREACHES_MAX,
        heard: Heard = lambda _: None,
        advanced: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.place: Place = beginning.place
        """How far it is."""
        self.report = Report(
            began_with=beginning.words,
            began_after=beginning.place.number,
            breaches_max=breaches_max,
            number=beginning.place.number,
            position=beginning.place.position,
        )
        self._log = log
        self._stream = log.stream
        self._store = snapshots
        self._snapshots: SnapshotComparison | None = None
        if snapshots is not None and compare_snapshots:
            self._snapshots = SnapshotComparison(log, snapshots, id_memory_s)
        self._stores = stores
        self.projections = [
            ProjectionComparison(name, stream) for name, stream in (projections or {}).items()
        ]
        """The projections that are compared."""
        self._ledger = ledger
        self._fee_account = fee_account
        self._id_memory_s = id_memory_s
        self._complete_every = complete_every
        self._heard = heard
        self._advanced = advanced
        self._epoch = 0
        self._since_complete = 0
        self._stores_at: Position | None = None
        self._compared_at: Position | None = None
        self._is_stopped = False
        self._watch = Watch(beginning.state, ledger=ledger, fee_account=fee_account)

    def stop(self) -> None:
        """Let `run` end as soon as it stands between two entries, a second later at most."""
        self._is_stopped = True

    async def run(self, *, through: int | None = None) -> Report:
        """
        Look at the log through entry *through*; unset, follow it until stopped.

        Ends early when a breach leaves nothing to go on with, or when there are as many
        breaches as are told.

        Raises:
            CannotBegin: The log has a gap, and no snapshot lies behind it.
            StoreUnavailable, CorruptData: From snapshots and stores.
        """
        await self._check_completely()
        if self._stores is not None:
            self._stores_at = await self._stores.position()
        while self._goes_on and (through is None or self.place.number < through):
            if not await self._advance(READ_WAIT_S if through is None else 0.0):
                if through is not None:
                    break
                await self._settle_down()
        if not self._is_over:
            await self._finish()
        return self.report

    async def _finish(self) -> None:
        """Look at everything once more where the log was left."""
        await self._check_completely()
        await self._follow_projections(())
        if self._stores is not None:
            await self._finish_stores(self._stores)
        if self._snapshots is not None:
            self.report.compared["snapshots"] = self._snapshots.compared
        for projection in self.projections:
            if projection.left_out:
                text = f"{projection.left_out} entries did not wait for it"
                self.report.note(f"{projection.name}: {text}")

    @property
    def _is_over(self) -> bool:
        return self.report.ended_by_breach or self.report.is_full

    @property
    def _goes_on(self) -> bool:
        return not self._is_over and not self._is_stopped

    # -- the log -------------------------------------------------------------------------

    async def _advance(self, wait_s: float) -> bool:
        """Look at some entries; whether there were any."""
        try:
            entries = await self._stream.read(self.place.position, READ_ENTRIES_MAX, wait_s)
        except CorruptData as error:
            self._end(Law.ENTRY, str(error), None)
            return False
        found: list[tuple[Entry, Batch]] = []
        for entry in entries:
            batch = self._decode(entry)
            if batch is None or not await self._continues(entry, batch):
                break
            try:
                await self._take(entry, batch)
            except (LookupError, TypeError, ValueError) as error:
                # A writer with a bug may write what no fold expects.
                text = f"its changes cannot be followed: {type(error).__name__}: {error}"
                self._end(Law.ENTRY, text, entry.id)
                break
            found.append((entry, batch))
            self._advanced(1)
            if not self._goes_on:
                break
            await asyncio.sleep(0)  # a follower in the engine's process lets it work
        await self._follow_projections(found)
        return bool(entries)

    def _decode(self, entry: Entry) -> Batch | None:
        try:
            return self._log.decode(entry)
        except CorruptData as error:
            self._end(Law.ENTRY, str(error), entry.id)
            return None

    async def _continues(self, entry: Entry, batch: Batch) -> bool:
        """Whether *batch* is the one to go on with; a gap is bridged, anything else ends it."""
        place = self.place
        if batch.number <= place.number + 1:
            broken = chain_violation(place, batch)
            if broken is not None:
                self._end(Law.CHAIN, broken, entry.id)
                return False
            for violation in forward_violations(self._watch.state, self._epoch, batch):
                self._tell(Breach(violation=violation, number=batch.number, position=entry.id))
            self._epoch = max(self._epoch, batch.epoch)
            return True
        bounds = await self._stream.bounds()
        is_trimmed = bounds is not None and bounds.first.id > place.position
        is_restored = any(isinstance(change, Restored) for change in batch.changes)
        if not is_trimmed and not is_restored:
            text = f"entry {batch.number} follows entry {place.number}: what was between is gone"
            self._end(Law.CHAIN, text, entry.id)
            return False
        await self._begin_again(is_restored)
        return False

    async def _begin_again(self, is_restored: bool) -> None:
        """Go on with the first snapshot behind a gap."""
        number = self.place.number
        beginning = await begin(
            self._log, self._store, id_memory_s=self._id_memory_s, beyond=number
        )
        why = "the log lost its tail" if is_restored else "the log was trimmed meanwhile"
        self.report.note(
            f"entries {number + 1} to {beginning.place.number} could not be looked at: {why}"
        )
        self.place = beginning.place
        self._watch = Watch(beginning.state, ledger=self._ledger, fee_account=self._fee_account)
        if self._stores is not None:
            self._stores.forget()
        await self._check_completely()

    async def _take(self, entry: Entry, batch: Batch) -> None:
        state = self._watch.state
        if self._stores is not None:
            self._stores.note(batch, state)
        commands = self._watch.commands
        for breach in self._watch.follow(entry.id, batch):
            if breach is None:
                await asyncio.sleep(0)
            else:
                self._tell(breach)
        self.place = Place(entry.id, batch.number, batch.hash)
        report = self.report
        report.number, report.position = batch.number, entry.id
        report.entries += 1
        report.changes += len(batch.changes)
        report.commands += self._watch.commands - commands
        if self._snapshots is not None:
            self._tell_all(await self._snapshots.passed(self._watch.state))
        if self._stores is not None and (entry.id == self._stores_at or self._stores.is_full):
            await self._ask_stores(self._stores, complete=entry.id == self._stores_at)
        self._since_complete += 1
        if self._since_complete >= self._complete_every:
            await self._check_completely()

    # -- now and then --------------------------------------------------------------------

    async def _check_completely(self) -> None:
        """Look at the whole state, and at which snapshots there are now."""
        self._since_complete = 0
        for found in state_checks(self._watch.state, ledger=self._ledger):
            if found is None:
                await asyncio.sleep(0)
            else:
                self._tell_all([found])
        self.report.complete_checks += 1
        if self._snapshots is not None:
            self._tell_all(await self._snapshots.look(self.place.number))
            self._snapshots.keep(self._watch.state)

    async def _settle_down(self) -> None:
        """The log stands still for a while: ask the stores about what they have had by now."""
        if self._stores is not None and len(self._stores.changed):
            await self._ask_stores(self._stores, complete=False)

    async def _ask_stores(self, stores: StoreComparison, *, complete: bool) -> bool:
        """Compare the stores if they are as far as the log was read; whether they are."""
        position = await stores.position()
        if position is not None and position >= self.place.position:
            state = self._watch.state
            self._tell_all(await stores.compare(self.place, state, complete=complete))
            if complete:
                self._compared_at = self.place.position
            self.report.compared["store_records"] = stores.compared
            if stores.ledger is not None:
                self.report.compared["ledger_lines"] = stores.ledger.compared
                if not stores.ledger.has_begun:
                    self.report.note("ledger: history has not begun it yet")
            return True
        if stores.is_full:
            count = stores.forget()
            self.report.note(f"stores: {count} changes were not compared, they were behind")
        return False

    async def _finish_stores(self, stores: StoreComparison) -> None:
        if self._compared_at == self.place.position:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + STORES_WAIT_S
        before = await stores.position()
        while not await self._ask_stores(stores, complete=True):
            position = await stores.position()
            if loop.time() > deadline and position == before:
                if position is None:
                    self.report.note("stores: they do not say how far they have had the log")
                else:
                    self.report.note(
                        f"stores: they have had the log through {position}, and what is after it "
                        "was not compared"
                    )
                return
            before = position
            await asyncio.sleep(STORES_POLL_S)

    async def _follow_projections(self, found: Sequence[tuple[Entry, Batch]]) -> None:
        for projection in self.projections:
            self._tell_all(await projection.follow(found))
            self.report.compared[projection.name] = projection.compared

    # -- breaches ------------------------------------------------------------------------

    def _tell_all(self, violations: Sequence[Violation]) -> None:
        place = self.place
        for violation in violations:
            self._tell(Breach(violation=violation, number=place.number, position=place.position))

    def _tell(self, breach: Breach) -> None:
        if self.report.add(breach):
            self._heard(breach)

    def _end(self, law: Law, text: str, position: Position | None) -> None:
        """A breach behind which nothing can be looked at."""
        number = self.place.number + 1
        violation = Violation(law, "the log", text)
        self._tell(Breach(violation=violation, number=number, position=position))
        self.report.ended_by_breach = True
