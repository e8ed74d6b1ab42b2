"""Where a verification begins: the log's first entry, or a snapshot that lies on the log."""

from __future__ import annotations

from typing import Final

import attrs

from pmengine.services.log import BEGINNING, Log, Place
from pmstore import START, CorruptData, Snapshot, SnapshotInfo, SnapshotStore, State

FIRST: Final = "first"
OLDEST: Final = "oldest"
NEWEST: Final = "newest"


class CannotBegin(Exception):
    """There is no place to begin at; says what there is and what can be done."""


@attrs.frozen
class Beginning:
    """The state at `place`, and in words what it was taken from."""

    state: State
    place: Place
    words: str


async def begin(
    log: Log,
    snapshots: SnapshotStore | None,
    *,
    id_memory_s: int,
    at: str | None = None,
    beyond: int = 0,
) -> Beginning:
    """
    The state with which a verification of *log* begins.

    Args:
        at: `first` (the log's first entry), `oldest` or `newest` (verified snapshot on the
            log) or a snapshot's number. Unset, as far back as possible.
        beyond: Only snapshots after this number.

    Raises:
        CannotBegin: There is no such place.
        CorruptData, StoreUnavailable: From the stores.
    """
    ends = await log.ends()
    first = None if ends is None else ends[0][1].number
    listed = [] if snapshots is None else await snapshots.list()
    if first == 1 and not beyond and at in (None, FIRST):
        # An exchange that took up another producer's snapshot began with it.
        for info in listed:
            if info.problem is None and not info.number and info.input_position is not None:
                assert snapshots is not None, "it listed them"
                taken_up = await _at(log, snapshots, info, id_memory_s)
                if isinstance(taken_up, Beginning):
                    return taken_up
        return Beginning(State(id_memory_s=id_memory_s), BEGINNING, "the log's first entry")
    if at == FIRST:
        held = "is empty" if first is None else f"begins with entry {first}"
        raise CannotBegin(f"the log {held}: begin with a snapshot (--from oldest)")
    refused: list[str] = []
    for info in _candidates(listed, at, beyond):
        assert snapshots is not None, "it listed them"
        begun = await _at(log, snapshots, info, id_memory_s)
        if isinstance(begun, Beginning):
            return begun
        refused.append(f"{info.name} (number {info.number}) {begun}")
    if first is None and not listed:
        raise CannotBegin("there is no log and no snapshot: nothing was ever written here")
    numbers = ", ".join(str(info.number) for info in listed) or "none"
    held = "the log is empty" if first is None else f"the log begins with entry {first}"
    raise CannotBegin(
        f"no snapshot to begin with: {held}, and there are snapshots at {numbers}"
        + "".join(f"; {one}" for one in refused)
    )


def _candidates(listed: list[SnapshotInfo], at: str | None, beyond: int) -> list[SnapshotInfo]:
    valid = [info for info in listed if info.problem is None and info.number > beyond]
    if at == NEWEST:
        return valid[::-1]
    if at in (None, OLDEST):
        return valid
    return [info for info in valid if str(info.number) == at]


async def _at(
    log: Log, snapshots: SnapshotStore, info: SnapshotInfo, id_memory_s: int
) -> Beginning | str:
    """Begin with a snapshot, or say why that cannot be."""
    try:
        snapshot: Snapshot | None = await snapshots.get(info.name)
    except CorruptData as error:
        return str(error)
    if snapshot is None:
        return "is gone"
    if snapshot.input_position is None:
        return "is foreign: it says nothing of the log"
    if not await log.holds(snapshot):
        return "does not lie on the log"
    place = Place(snapshot.last_message_id or START, snapshot.number, snapshot.hash)
    state = State.restore(snapshot, id_memory_s=id_memory_s)
    return Beginning(state, place, f"snapshot {info.name} at entry {info.number}")
