"""How a service finds the state again: a verified snapshot on the log, then the log after it."""

from __future__ import annotations

import attrs

from pmengine.services.foreign import adopt, unlisted_orders
from pmengine.services.log import BEGINNING, Log, LogGap, LogRewritten, Place
from pmstore import EMPTY, START, Batch, CorruptData, Head, Position, Snapshot, SnapshotStore, State
from pmstore.codec import GENESIS_HASH

READ_BATCHES_MAX = 256
_SEQ_MAX = 2**64 - 1


class CannotStart(Exception):
    """Snapshot and log do not fit together; says both positions and what can be done."""


@attrs.frozen
class Recovered:
    """
    The state after the last entry of the log.

    `head` is what the next append must find. With `lost_tail` the log ends before the
    snapshot, and the leader says `Restored` before anything else. `snapshot` names the
    generation that it began with, `folded` counts the entries after it; `epoch` is the
    highest that wrote. `adopted` is a foreign snapshot made ours: it must be saved before
    the first entry is written, or a restart would not know it.
    """

    state: State
    head: Head
    place: Place
    lost_tail: bool
    snapshot: str | None
    folded: int
    epoch: int
    adopted: Snapshot | None = None


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
    ends = await log.ends()
    valid = [info for info in await snapshots.list() if info.problem is None]
    names = [info.name for info in valid if not beyond or info.number > beyond]
    refused: list[str] = []
    for name in names if oldest else reversed(names):
        try:
            snapshot = await snapshots.get(name)
        except CorruptData as error:
            refused.append(str(error))
            continue
        if snapshot is None:
            continue
        if snapshot.input_position is None:
            if ends is None:
                adopted = adopt(snapshot, now_ms)
                unlisted = unlisted_orders(adopted)
                if unlisted:
                    raise CannotStart(
                        f"{name} is foreign and has orders that no market can hold: "
                        f"{'; '.join(unlisted)}. Correct the file or move it away"
                    )
                state = State.restore(adopted, id_memory_s=id_memory_s)
                return Recovered(state, EMPTY, BEGINNING, False, name, 0, 0, adopted)
            refused.append(f"{name} is foreign and the log is not empty")
            continue
        state = State.restore(snapshot, id_memory_s=id_memory_s)
        if ends is None:
            if snapshot.number == 0:
                return Recovered(state, EMPTY, BEGINNING, False, name, 0, 0)
            return _above(state, EMPTY, name, 0, now_ms)
        head, last = ends[1]
        if snapshot.number > last.number:
            if (last.number, last.hash) in snapshot.trail:
                return _above(state, head, name, last.epoch, now_ms)
            refused.append(f"{name} is at number {snapshot.number}, beyond the log")
        elif await _lies_on(log, snapshot):
            place = Place(snapshot.last_message_id or START, snapshot.number, snapshot.hash)
            if oldest:
                return Recovered(state, head, place, False, name, 0, last.epoch)
            try:
                return await _follow(log, state, place, name)
            except LogGap as error:
                refused.append(f"{name} is at number {snapshot.number}: {error}")
        else:
            refused.append(f"{name} is at number {snapshot.number} of another history")
    if ends is None and not names and not beyond:
        state = State(id_memory_s=id_memory_s)
        state.hash = GENESIS_HASH
        return Recovered(state, EMPTY, BEGINNING, False, None, 0, 0)
    if ends is not None and ends[0][1].number == 1 and not beyond:
        state = State(id_memory_s=id_memory_s)
        if oldest:
            return Recovered(state, ends[1][0], BEGINNING, False, None, 0, ends[1][1].epoch)
        return await _follow(log, state, BEGINNING, None)
    held = "is empty" if ends is None else f"holds {ends[0][1].number}..{ends[1][1].number}"
    raise CannotStart(
        f"no snapshot fits the log. The log {held}; snapshots: "
        f"{'; '.join(refused) or 'there is no valid one'}. Restore a snapshot that lies on "
        "the log, or the missing part of the log; nothing was changed."
    )


def _above(state: State, head: Head, name: str, epoch: int, now_ms: int) -> Recovered:
    """The log lost its tail: go on above the snapshot, with ids above its last one too."""
    lost = state.last_message_id or START
    if lost.ms >= now_ms:
        raise CannotStart(
            f"the log ends at {head.id}, {name} at {lost}, and the clock ({now_ms} ms) is not "
            "beyond it: new entries would stand before what the snapshot has. Set the clock "
            "right and start again; nothing was changed."
        )
    return Recovered(state, head, Place(head.id, state.number, state.hash), True, name, 0, epoch)


async def _lies_on(log: Log, snapshot: Snapshot) -> bool:
    """Whether the entry that *snapshot* ends with is on the log, or would be but for trimming."""
    position = snapshot.last_message_id or START
    ms, seq = position
    before = Position(ms, seq - 1) if seq else Position(max(ms - 1, 0), _SEQ_MAX if ms else 0)
    entries = await log.stream.read(before, 1)
    if not entries:
        return False
    batch: Batch = log.decode(entries[0])
    if entries[0].id == position:
        return (batch.number, batch.hash) == (snapshot.number, snapshot.hash)
    return (batch.number - 1, batch.prev_hash) == (snapshot.number, snapshot.hash)


async def _follow(log: Log, state: State, place: Place, name: str | None) -> Recovered:
    folded = 0
    while True:
        try:
            batches = await log.read(place, READ_BATCHES_MAX)
        except LogRewritten as error:
            raise CannotStart(
                f"the log contradicts itself: {error}. Restore it from a backup"
            ) from error
        except LogGap as error:
            if name is not None:
                raise
            raise CannotStart(
                f"the log has a gap that no valid snapshot bridges: {error}. Restore a "
                "snapshot that lies beyond it; nothing was changed."
            ) from error
        if not batches:
            break
        for entry, batch in batches:
            state.apply_batch(entry.id, batch)
        folded += len(batches)
        entry, batch = batches[-1]
        place = Place(entry.id, batch.number, batch.hash)
    ends = await log.ends()
    assert ends is not None, "something was read from it"
    head, last = ends[1]
    return Recovered(state, head, place, False, name, folded, last.epoch)
