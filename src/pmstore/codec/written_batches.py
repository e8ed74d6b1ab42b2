"""Entries of our log with the bytes of each change beside what it says."""

from __future__ import annotations

from typing import Final

import attrs
import msgspec

from pmstore.codec.batches import check_entry, decode_all_changes, decode_wire_batch
from pmstore.codec.changes_in import WireFrequent
from pmstore.codec.json_text import READ_ERRORS, corrupt
from pmstore.models.changes import Change
from pmstore.models.position import Position

_BEFORE: Final = b'"changes":[{"'
_BETWEEN: Final = b'},{"'
_AFTER: Final = b"}]}"


@attrs.frozen(kw_only=True)
class WrittenBatch:
    """
    One entry of the log, as `Batch`: what was read of its changes, and how each is written.

    `written` are the bytes of each change from its name on, without the brace at its end:
    `Paused":{"paused":true}`. Where there are rare changes, `models` are all of them.
    """

    number: int
    epoch: int
    time: int
    prev_hash: str
    hash: str
    input: dict[str, Position]
    changes: list[WireFrequent]
    written: list[bytes]
    models: list[Change] | None


class _WireRaw(msgspec.Struct, gc=False):
    changes: list[msgspec.Raw]


_RARE: Final = WireFrequent()
"""What a rare change is read as: nothing that is frequent."""
_raw_decoder: Final = msgspec.json.Decoder(_WireRaw)


def decode_written_batch(payload: bytes, where: str) -> WrittenBatch:
    """
    The log entry in *payload*, its hash verified; no models are made of frequent changes.

    Raises:
        CorruptData: As for `decode_batch`.

    Cost:
        About half of `decode_batch`.
    """
    try:
        wire = decode_wire_batch(payload)
        check_entry(payload, wire.v, wire.prev_hash, wire.hash, where)
        return WrittenBatch(
            number=wire.number,
            epoch=wire.epoch,
            time=wire.time,
            prev_hash=wire.prev_hash,
            hash=wire.hash,
            input={stream: Position.parse(text) for stream, text in wire.input.items()},
            changes=wire.changes,
            written=_apart(payload, len(wire.changes)),
            models=decode_all_changes(payload) if _RARE in wire.changes else None,
        )
    except READ_ERRORS as error:
        raise corrupt(error, "a log entry", where) from error


def _apart(payload: bytes, count: int) -> list[bytes]:
    """
    The bytes of each of *count* changes, without the brace and quote that each begins with and
    the brace that it ends with.

    What stands between two changes is otherwise at most the end of a text, so as many pieces
    as there are changes are the changes.
    """
    start = payload.find(_BEFORE) + len(_BEFORE)
    written = payload[start : -len(_AFTER)].split(_BETWEEN)
    if len(written) == count and payload.endswith(_AFTER):
        return written
    return [bytes(raw)[2:-1] for raw in _raw_decoder.decode(payload).changes]
