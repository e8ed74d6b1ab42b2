"""How a service finds the state again: a verified snapshot on the log, then the log after it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Generic, TypeAlias, TypeVar

import attrs
import structlog

from pmengine.services.folding import Fold
from pmengine.services.foreign import adopt, unfit
from pmengine.services.log import (
    BEGINNING,
    Ends,
    Log,
    LogGap,
    LogReader,
    LogRewritten,
    Place,
)
from pmstore import (
    EMPTY,
    START,
    CorruptData,
    Head,
    Snapshot,
    SnapshotStore,
    State,
)
from pmstore.codec import GENESIS_HASH

READ_BATCHES_MAX = 256
NAMED_MAX = 20
"""How many orders or markets a refusal names."""

_logger = structlog.get_logger("pmengine.recovery")


class CannotStart(Exception):
    """Snapshot and log do not fit together; says both positions and what can be done."""


class _BrokenRows(Exception):
    """A snapshot is as it was written, and a row of it cannot be read."""


S = TypeVar("S", bound=Fold)
_NOTHING = Snapshot(orders=(), events={}, timestamp=0, last_message_id=None, hash=GENESIS_HASH)


@attrs.frozen
class RecoveredAs(Generic[S]):
    """
    The state after the last entry of the log.

    `head` is what the next append must find. With `lost_tail` the log ends before the
    snapshot, and the leader says `Restored` before anything else. `snapshot` is the
    number at which the snapshot stands that it began with, `folded` counts the entries
    after it; `epoch` is the highest that wrote. `adopted` is a foreign snapshot made ours:
    it must be saved before the first entry is written, or a restart would not know it.
    """

    state: S
    head: Head
    place: Place
    lost_tail: bool
    snapshot: int | None
    folded: int
    epoch: int
    adopted: Snapshot | None = None


Recovered: TypeAlias = RecoveredAs[State]


async def recover(
    log: Log,
    snapshots: SnapshotStore,
    *,
    id_memory_s: int,
    now_ms: int,
    oldest: bool = False,
    beyond: int = 0,
) -> Recovered:
    """
    The state as models; see `recover_as`.

    Raises:
        CannotStart, CorruptData, StoreUnavailable: As there.
    """
    return await recover_as(
        State,
        log,
        snapshots,
        id_memory_s=id_memory_s,
        now_ms=now_ms,
        oldest=oldest,
        beyond=beyond,
    )


async def recover_as(
    kind: type[S],
    log: LogReader[Any],
    snapshots: SnapshotStore,
    *,
    id_memory_s: int,
    now_ms: int,
    oldest: bool = False,
    beyond: int = 0,
) -> RecoveredAs[S]:
    """
    The state that the newest valid snapshot on the log and the log after it add up to.

    With *oldest* it begins at the oldest such snapshot and follows nothing: a consumer
    that must see every entry reads on from there. *now_ms* (epoch milliseconds) judges
    which events of a foreign snapshot have ended. *beyond* leaves out what lies at or before
    that number, where a reader met a gap.

    Raises:
        CannotStart: No snapshot lies on the log, and the log does not begin at number 1; or
            the snapshot cannot be gone on from.
        CorruptData, StoreUnavailable: From the stores.
    """
    known: list[str] | None = None
    while True:
        try:
            return await _recover(kind, log, snapshots, id_memory_s, now_ms, oldest, beyond)
        except CannotStart:
            # A store service that goes on trims what a slow reader began with. Asked only now:
            # to list the snapshots is to read them.
            names = [info.name for info in await snapshots.list()]
            if names == known:
                raise
            known = names


async def _recover(
    kind: type[S],
    log: LogReader[Any],
    snapshots: SnapshotStore,
    id_memory_s: int,
    now_ms: int,
    oldest: bool,
    beyond: int,
) -> RecoveredAs[S]:
    with _collector_paused():

        async def begin(snapshot: Snapshot) -> RecoveredAs[S] | str:
            # Asked after the snapshot was read: a log that is shorter then lost its tail, and
            # is not one that a leader goes on writing.
            ends = await log.ends()
            try:
                return await _begin(kind, log, ends, snapshot, id_memory_s, now_ms, oldest)
            except _BrokenRows as error:
                return str(error)

        refused: list[str] = []
        if not oldest and not beyond:
            try:
                newest = await snapshots.load()
            except CorruptData as error:
                newest = None
                refused.append(str(error))
            if newest is not None:
                found = await begin(newest)
                if isinstance(found, RecoveredAs):
                    return found
        listed = await snapshots.list()
        infos = [
            info for info in listed if info.problem is None and (not beyond or info.number > beyond)
        ]
        if oldest:
            # Of another system's only the last was gone on from, and only until ours were there.
            infos = [info for info in infos if info.input_position is not None] or infos[-1:]
        for info in infos if oldest else reversed(infos):
            try:
                snapshot = await snapshots.get(info.name)
            except CorruptData as error:
                refused.append(str(error))
                continue
            if snapshot is not None:
                found = await begin(snapshot)
                if isinstance(found, RecoveredAs):
                    return found
                refused.append(f"{info.name} {found}")
        ends = await log.ends()
        if ends is None and not listed and not beyond:
            state = kind.restore(_NOTHING, id_memory_s=id_memory_s)
            return RecoveredAs(state, EMPTY, BEGINNING, False, None, 0, 0)
        if ends is not None and ends[0][1].number == 1 and not beyond:
            state = kind.restore(_NOTHING, id_memory_s=id_memory_s)
            if oldest:
                return RecoveredAs(state, ends[1][0], BEGINNING, False, None, 0, ends[1][1].epoch)
            return await _follow(log, state, BEGINNING, None)
    held = "is empty" if ends is None else f"holds {ends[0][1].number}..{ends[1][1].number}"
    raise CannotStart(
        f"no snapshot fits the log. The log {held}; snapshots: "
        f"{'; '.join(refused) or 'there is no valid one'}. Restore a snapshot that lies on "
        "the log, or the missing part of the log; nothing was changed."
    )


async def _begin(
    kind: type[S],
    log: LogReader[Any],
    ends: Ends | None,
    snapshot: Snapshot,
    id_memory_s: int,
    now_ms: int,
    oldest: bool,
) -> RecoveredAs[S] | str:
    """Begin with *snapshot*, or say why that cannot be."""
    number = snapshot.number
    if snapshot.input_position is None:
        if ends is not None:
            return "is foreign and the log is not empty"
        adopted = adopt(snapshot, now_ms)
        if len(adopted.orders) < len(snapshot.orders) or len(adopted.events) < len(snapshot.events):
            _logger.warning(
                "foreign_events_left_out",
                reason="they ended before this start, or orders name an event that is not there",
                events=sorted(snapshot.events.keys() - adopted.events.keys()),
                orders=len(snapshot.orders) - len(adopted.orders),
            )
        wrong = await asyncio.to_thread(unfit, adopted)
        if wrong:
            raise CannotStart(
                "the snapshot is foreign and has markets or orders that cannot be ours: "
                f"{'; '.join(wrong[:NAMED_MAX])}"
                f"{f' and {len(wrong) - NAMED_MAX} more' if len(wrong) > NAMED_MAX else ''}. "
                "Correct the file or move it away"
            )
        state = await _restored(kind, adopted, id_memory_s)
        return RecoveredAs(state, EMPTY, BEGINNING, False, 0, 0, 0, adopted)
    if ends is None:
        state = await _restored(kind, snapshot, id_memory_s)
        if number == 0:
            return RecoveredAs(state, EMPTY, BEGINNING, False, 0, 0, 0)
        return _above(state, EMPTY, 0, now_ms)
    head, last = ends[1]
    if number > last.number:
        if (last.number, last.hash) not in snapshot.trail:
            return f"is at number {number}, beyond the log"
        state = await _restored(kind, snapshot, id_memory_s)
        return _above(state, head, last.epoch, now_ms)
    if not await log.holds(snapshot):
        return f"is at number {number} of another history"
    state = await _restored(kind, snapshot, id_memory_s)
    place = Place(snapshot.last_message_id or START, number, snapshot.hash)
    if oldest:
        return RecoveredAs(state, head, place, False, number, 0, last.epoch)
    try:
        return await _follow(log, state, place, number)
    except LogGap as error:
        return f"is at number {number}: {error}"


async def _restored(kind: type[S], snapshot: Snapshot, id_memory_s: int) -> S:
    """The state of *snapshot*, made in a thread: others have a lease to renew meanwhile."""
    try:
        return await asyncio.to_thread(kind.restore, snapshot, id_memory_s=id_memory_s)
    except CorruptData as error:
        raise _BrokenRows(str(error)) from error


@contextmanager
def _collector_paused() -> Iterator[None]:
    """
    Read and build without the garbage collector.

    Millions of objects come to be and none of them is garbage: looking for cycles among
    them again and again takes as long as making them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()  # or the next allocation would look at all of it once more
            gc.enable()


def _above(state: S, head: Head, epoch: int, now_ms: int) -> RecoveredAs[S]:
    """The log lost its tail: go on above the snapshot, with ids above its last one too."""
    lost = state.last_message_id or START
    if lost.ms >= now_ms:
        raise CannotStart(
            f"the log ends at {head.id}, the snapshot at {lost}, and the clock ({now_ms} ms) "
            "is not beyond it: new entries would stand before what the snapshot has. Set the clock "
            "right and start again; nothing was changed."
        )
    return RecoveredAs(
        state, head, Place(head.id, state.number, state.hash), True, state.number, 0, epoch
    )


async def _follow(
    log: LogReader[Any], state: S, place: Place, number: int | None
) -> RecoveredAs[S]:
    folded, before = 0, -1
    while folded > before:
        before = folded
        try:
            async with aclosing(log.each(place, READ_BATCHES_MAX)) as entries:
                async for entry, batch in entries:
                    state.apply_batch(entry.id, batch)
                    place = Place(entry.id, batch.number, batch.hash)
                    folded += 1
        except LogRewritten as error:
            raise CannotStart(
                f"the log contradicts itself: {error}. Restore it from a backup"
            ) from error
        except LogGap as error:
            if number is not None:
                raise
            raise CannotStart(
                f"the log has a gap that no valid snapshot bridges: {error}. Restore a "
                "snapshot that lies beyond it; nothing was changed."
            ) from error
    ends = await log.ends()
    assert ends is not None, "something was read from it"
    head, last = ends[1]
    return RecoveredAs(state, head, place, False, number, folded, last.epoch)
