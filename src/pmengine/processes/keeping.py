"""For whom the log and the streams of groups are kept."""

from __future__ import annotations

from typing import Final

import msgspec

from pmengine.projections import PROCESSOR_STREAM, decode_batch_told
from pmengine.services.log import STORE_STREAM
from pmengine.services.notes import FORGOTTEN_MS, SILENT_MS_MAX, Board
from pmengine.services.settlement import SETTLEMENT_STREAM
from pmstore import START, Consumers, Stream

READ_BY_GROUPS: Final = (PROCESSOR_STREAM, SETTLEMENT_STREAM)
"""Streams that are kept for groups of consumers."""


class KeptFor(msgspec.Struct, kw_only=True, frozen=True):
    """
    A service for which `stream` is kept behind `needs_after`, whether it runs or not.

    `lag` is by how many of the log's entries it is behind, `heard_ms` how long ago it last said
    where it is; an hour for whoever said nothing for longer.
    """

    stream: str
    service: str
    instance: str
    number: int
    needs_after: str
    lag: int
    heard_ms: int

    @property
    def is_away(self) -> bool:
        """Whether nothing was heard of it for long."""
        return self.heard_ms > SILENT_MS_MAX


def kept_by(board: Board, last: int) -> list[KeptFor]:
    """For whom the log, which ends at entry *last*, is kept."""
    return [
        KeptFor(
            stream=STORE_STREAM,
            service=note.service,
            instance=note.instance,
            number=note.number,
            needs_after=note.needs_after or str(START),
            lag=max(0, last - note.number),
            heard_ms=heard_ms,
        )
        for note, heard_ms in board.owed()
    ]


async def kept_by_groups(
    name: str, groups: Consumers, stream: Stream, board: Board
) -> list[KeptFor]:
    """For which groups of consumers *stream*, one of `READ_BY_GROUPS`, is kept."""
    bounds = await stream.bounds()
    last = 0
    if bounds is not None:
        last = decode_batch_told(bounds.last.payload, name).number
    kept: list[KeptFor] = []
    for group, position in sorted((await groups.positions()).items()):
        due = await stream.read(position, 1)
        number = last
        if due:
            number = decode_batch_told(due[0].payload, name).number - 1
        heard = (heard_ms for note, heard_ms in board.all() if note.service == group)
        # Who settles is no service of ours: nobody hears whether it lives.
        silence_ms = 0 if name == SETTLEMENT_STREAM else FORGOTTEN_MS
        kept.append(
            KeptFor(
                stream=name,
                service=group,
                instance="",
                number=number,
                needs_after=str(position),
                lag=last - number,
                heard_ms=min(heard, default=silence_ms),
            )
        )
    return kept
