"""Entries of our log with the bytes of each change beside what it says."""

from __future__ import annotations

from typing import Any, Final

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


WrittenChange = tuple[str, Any, bytes]
"""
A change: its name (`OrderEnded` for both ends, none for what is a model), what it says as it
was read, and its bytes from the name on without the brace at the end: `Paused":{"paused":true}`.
"""


@attrs.frozen(kw_only=True)
class WrittenBatch:
    """One entry of the log, as `Batch`, with how each change is written."""

    number: int
    epoch: int
    time: int
    prev_hash: str
    hash: str
    input: dict[str, Position]
    changes: list[WrittenChange]


class _WireRaw(msgspec.Struct, gc=False):
    changes: list[msgspec.Raw]


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
            changes=_changes(payload, wire.changes),
        )
    except READ_ERRORS as error:
        raise corrupt(error, "a log entry", where) from error


def _changes(payload: bytes, frequent: list[WireFrequent]) -> list[WrittenChange]:
    changes: list[WrittenChange] = []
    says: Any
    add = changes.append
    rare: list[Change] | None = None
    for change, written in zip(frequent, _apart(payload, len(frequent)), strict=True):
        # The most frequent first.
        if (says := change.OrderCreated) is not None:
            add(("OrderCreated", says, written))
        elif (says := change.AccountChanged) is not None:
            add(("AccountChanged", says, written))
        elif (says := change.Remembered) is not None:
            add(("Remembered", says, written))
        elif (says := change.MarketUpdateId) is not None:
            add(("MarketUpdateId", says, written))
        elif (says := change.OrderUpdated) is not None:
            add(("OrderUpdated", says, written))
        elif (says := change.Traded) is not None:
            add(("Traded", says, written))
        elif (says := change.OrderFilled or change.OrderCancelled) is not None:
            add(("OrderEnded", says, written))
        elif (says := change.Counters or change.GroupFilled or change.SessionChanged) is not None:
            add(("", says, written))
        else:
            if rare is None:
                rare = decode_all_changes(payload)
            add(("", rare[len(changes)], written))
    return changes


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
