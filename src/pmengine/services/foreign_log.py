"""`store_stream` as another engine writes it: changes without numbers, hashes and batches."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Final

import structlog

from pmengine.services.dead_letters import DeadLetter
from pmengine.services.foreign import without_ended
from pmengine.services.foreign_state import ForeignEntry, ForeignState
from pmengine.services.inputs import reaches
from pmengine.services.log import STORE_STREAM, Place, before
from pmengine.services.recovery import CannotStart
from pmstore import (
    START,
    Batch,
    Change,
    CorruptData,
    Entry,
    Position,
    Snapshot,
    SnapshotInfo,
    SnapshotStore,
    State,
    Stream,
)
from pmstore.codec import decode_entry

_logger: Final = structlog.get_logger("pmengine.store")


class ForeignLog:
    """
    Reads another engine's changes, entry by entry.

    Nothing in an entry says which one it follows. So the entry that the oldest snapshot ends
    with is never trimmed: a start that finds it has lost none of those behind it.

    Args:
        letters: Where entries are put that cannot be read, before they are passed over; None
            lets the first of them end the reading.
        groups: How far each group of consumers of the stream is; what one is owed stays.
    """

    def __init__(
        self,
        stream: Stream,
        letters: Stream | None,
        groups: Callable[[], Awaitable[Mapping[str, Position]]],
    ) -> None:
        self.dead_letters = 0
        """How many entries were put aside."""
        self._stream = stream
        self._letters = letters
        self._groups = groups

    async def each(
        self, place: Place, limit: int, wait_s: float, /
    ) -> AsyncGenerator[tuple[Entry, ForeignEntry], None]:
        """
        Up to *limit* entries after *place*, waiting up to *wait_s* seconds for one.

        Raises:
            CorruptData: One cannot be read, and there is no place for it.
            CannotStart: One is of a log of ours.
            StoreUnavailable: The stream does not answer.
        """
        number = place.number
        for entry, problem in await self._read(place.position, limit, wait_s):
            number += 1
            found = problem or _decoded(entry)
            if isinstance(found, CorruptData):
                await self._put_aside(entry, found)
                yield entry, ForeignEntry(number=number, changes=(), skipped=True)
            elif isinstance(found, Batch):
                raise CannotStart(
                    f"{STORE_STREAM} {entry.id} was written by a pmengine, and STORE_FOREIGN=true "
                    "says that another engine writes it: take the setting away"
                )
            else:
                yield entry, ForeignEntry(number=number, changes=found)

    async def _read(
        self, after: Position, limit: int, wait_s: float
    ) -> list[tuple[Entry, CorruptData | None]]:
        try:
            return [(entry, None) for entry in await self._stream.read(after, limit, wait_s)]
        except CorruptData as error:
            if error.position is None:
                raise
            return [(Entry(Position(*error.position), b""), error)]

    async def _put_aside(self, entry: Entry, problem: CorruptData) -> None:
        if self._letters is None:
            raise problem
        letter = DeadLetter.of(STORE_STREAM, entry, str(problem))
        await self._letters.append([letter.encode()])
        self.dead_letters += 1
        _logger.warning("dead_letter", stream=STORE_STREAM, position=str(entry.id))

    async def holds(self, snapshot: Snapshot | SnapshotInfo, /) -> bool:
        """Whether the entry that *snapshot* ends with is on the stream."""
        position = snapshot.last_message_id
        return position is not None and await _has(self._stream, position)

    async def trim(self, through: Position, /) -> None:
        """Let go what lies before *through*, and what no group of consumers is owed."""
        owed_after = min((await self._groups()).values(), default=through)
        await self._stream.trim(min(before(through), owed_after))


async def recover_foreign(
    stream: Stream, snapshots: SnapshotStore, *, id_memory_s: int, now_ms: int
) -> tuple[ForeignState, Place]:
    """
    What the newest valid snapshot says, and behind which entry to read on.

    Without any it begins with the first entry that there is. A snapshot of the source's own
    service stands for everything through its `last_message_id`, which that service trims.

    Args:
        now_ms: By which events have ended, in epoch milliseconds: they are left out.

    Raises:
        CannotStart: The stream does not go on where the snapshot ends.
        CorruptData: There are snapshots, and none is valid.
        StoreUnavailable: Somebody does not answer.
    """
    found = await snapshots.load()
    if found is None:
        _logger.info("store_begins", reason="there is no snapshot: at the first entry there is")
        return ForeignState(State(id_memory_s=id_memory_s)), Place(START, 0, "")
    if found.input_position is not None:
        raise CannotStart(
            "the newest snapshot is of a pmengine, and STORE_FOREIGN=true says that another engine "
            "writes the stream: keep its snapshots elsewhere (PMSTORE_SNAPSHOTS_URL)"
        )
    position = found.last_message_id or START
    if found.number and not await _has(stream, position):
        # The source's own service has no numbers, and trims that entry too.
        why = "what follows that was trimmed, the stream lost its end, or it is another one"
    elif await reaches(stream, START) and not await reaches(stream, position):
        why = "the stream lost its end, or is another one"
    else:
        kept = without_ended(found, now_ms)
        _logger.info(
            "store_begins",
            position=str(position),
            orders=len(kept.orders),
            ended_events=len(found.events) - len(kept.events),
            orders_left_out=len(found.orders) - len(kept.orders),
        )
        return (
            ForeignState.restore(kept, id_memory_s=id_memory_s),
            Place(position, found.number, ""),
        )
    raise CannotStart(
        f"{STORE_STREAM} {await _held(stream)}, and the newest snapshot ends at {position}: {why}. "
        "Restore the one that belongs to the other, or move the snapshots away to begin with what "
        "the stream holds; nothing was changed."
    )


async def is_foreign(stream: Stream) -> bool:
    """Whether *stream* begins with changes that another engine wrote."""
    entries = await stream.read(START, 1)
    return bool(entries) and isinstance(_decoded(entries[0]), list)


def _decoded(entry: Entry) -> Batch | CorruptData | list[Change]:
    try:
        return decode_entry(entry.payload, entry.id, stream=STORE_STREAM)
    except CorruptData as error:
        return error


async def _held(stream: Stream) -> str:
    try:
        bounds = await stream.bounds()
    except CorruptData as error:
        return f"holds what cannot be read ({error})"
    return "holds nothing" if bounds is None else f"holds {bounds.first.id} to {bounds.last.id}"


async def _has(stream: Stream, position: Position) -> bool:
    """Whether *stream* has an entry at exactly *position*, readable or not."""
    try:
        entries = await stream.read(before(position), 1)
    except CorruptData as error:
        if error.position is None:
            raise
        return error.position == position
    return bool(entries) and entries[0].id == position
