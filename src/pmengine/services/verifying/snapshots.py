"""Whether the snapshots of a deployment are what its log adds up to at their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pmengine.invariants import Law, Violation
from pmengine.services.log import Log
from pmstore import (
    START,
    CorruptData,
    Snapshot,
    SnapshotInfo,
    SnapshotStore,
    State,
    snapshot_digest,
)

READ_BATCHES_MAX = 64


class SnapshotComparison:
    """
    Compares snapshots with the fold at their numbers.

    Those that lie ahead are compared when the fold comes by. One that was taken behind the
    fold's back is compared by folding again from the last place that was kept.
    """

    def __init__(self, log: Log, snapshots: SnapshotStore, id_memory_s: int) -> None:
        self._log = log
        self._snapshots = snapshots
        self._id_memory_s = id_memory_s
        self._ahead: dict[int, SnapshotInfo] = {}
        self._seen: set[str] = set()
        self._kept: Snapshot | None = None
        self.compared = 0
        """How many snapshots were compared."""

    async def look(self, number: int) -> list[Violation]:
        """See which snapshots there are, and compare the newest that *number* has passed."""
        found: list[Violation] = []
        behind: SnapshotInfo | None = None
        for info in await self._snapshots.list():
            if info.name in self._seen:
                continue
            if info.problem is not None:
                self._seen.add(info.name)
                found.append(Violation(Law.SNAPSHOT, info.name, info.problem))
            elif info.input_position is None:
                self._seen.add(info.name)  # a foreign one says nothing of the log
            elif info.number > number:
                self._ahead[info.number] = info
            else:
                self._seen.add(info.name)
                behind = info
        if behind is not None and self._kept is not None and behind.number >= self._kept.number:
            found += await self._fold_again(behind, self._kept)
        return found

    def keep(self, state: State) -> None:
        """What is taken from now on may be compared by folding again from here."""
        self._kept = state.freeze(0)

    async def passed(self, state: State) -> list[Violation]:
        """Compare the snapshot at the number at which *state* is, if there is one."""
        info = self._ahead.pop(state.number, None)
        if info is None:
            return []
        self._seen.add(info.name)
        return await self._compare(info, state)

    async def _fold_again(self, info: SnapshotInfo, kept: Snapshot) -> list[Violation]:
        state = State.restore(kept, id_memory_s=self._id_memory_s)
        while state.number < info.number:
            entries = await self._log.stream.read(state.last_message_id or START, READ_BATCHES_MAX)
            if not entries:
                return []
            for entry in entries:
                if state.number < info.number:
                    batch = self._log.decode(entry)
                    if batch.number != state.number + 1:
                        return []  # trimmed meanwhile, or a gap: who reads the log says it
                    state.apply_batch(entry.id, batch)
        return await self._compare(info, state)

    async def _compare(self, info: SnapshotInfo, state: State) -> list[Violation]:
        try:
            snapshot = await self._snapshots.get(info.name)
        except CorruptData as error:
            return [Violation(Law.SNAPSHOT, info.name, str(error))]
        if snapshot is None:
            return []  # pruned meanwhile
        self.compared += 1
        return list(_differences(info.name, snapshot, state.freeze(0)))


def _differences(name: str, snapshot: Snapshot, folded: Snapshot) -> Iterator[Violation]:
    if (snapshot.number, snapshot.hash) != (folded.number, folded.hash):
        text = f"its hash is not that of entry {folded.number} of the log"
        yield Violation(Law.SNAPSHOT, name, text)
        return
    if snapshot_digest(snapshot) == snapshot_digest(folded):
        return
    what = next(_unequal(snapshot, folded), "the order of its records")
    text = f"at entry {folded.number} the log says otherwise of {what}"
    yield Violation(Law.SNAPSHOT, name, text)


def _unequal(snapshot: Snapshot, folded: Snapshot) -> Iterator[str]:
    """What is not the same, the most telling first."""

    def by_id(records: Iterable[Any]) -> dict[str, Any]:
        return {f"order {one.id}": one for one in records}

    def by_row(records: Iterable[Any]) -> dict[str, Any]:
        return {f"{one.user_id}'s {one.asset}": one for one in records}

    yield from _unequal_keys(by_id(snapshot.orders), by_id(folded.orders))
    yield from _unequal_keys(by_row(snapshot.balances), by_row(folded.balances))
    for what, ours, theirs in (
        ("event", snapshot.events, folded.events),
        ("the updates of", snapshot.user_update_ids, folded.user_update_ids),
        ("group", snapshot.groups, folded.groups),
        ("session", snapshot.sessions, folded.sessions),
    ):
        for key in _unequal_keys(ours, theirs):
            yield f"{what} {key}"
    for field in ("order_counter", "trade_counter", "deposited", "paused", "post_only_until_ms"):
        ours, theirs = getattr(snapshot, field), getattr(folded, field)
        if ours != theirs:
            yield f"{field}: {ours} here and {theirs} there"
    if list(snapshot.work) != list(folded.work):
        yield "the work left over"
    if (list(snapshot.memories), list(snapshot.ended)) != (
        list(folded.memories),
        list(folded.ended),
    ):
        yield "the remembered outcomes"


def _unequal_keys(ours: Mapping[Any, Any], theirs: Mapping[Any, Any]) -> Iterator[str]:
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        if ours.get(key) != theirs.get(key):
            yield str(key)
