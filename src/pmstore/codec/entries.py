"""Entries of `store_stream` in all three forms: our batch, one change, an array of changes."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pmstore.codec.batches import decode_batch
from pmstore.codec.changes_in import TAGS, WireChange, to_change
from pmstore.codec.json_text import READ_ERRORS, corrupt
from pmstore.codec.later_dialect import translate_order
from pmstore.codec.validity import check_change
from pmstore.models.balance import Balance
from pmstore.models.changes import (
    Batch,
    Change,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderUpdated,
)
from pmstore.models.position import Position
from pmstore.models.units import INTEGER_MAX

_SEQ_BITS: Final = 20
_BATCH_MEMBERS: Final = {"changes", "prev_hash", "number"}
_ORDER_TAGS: Final = {"OrderCreated", "OrderUpdated"}


def position_version(position: Position) -> int:
    """
    The version of what another producer wrote without one: ms x 2^20 + seq of its position.

    Raises:
        ValueError: The position is so late that the version passes 2^63-1.
    """
    version = (position.ms << _SEQ_BITS) + position.seq
    if version > INTEGER_MAX:
        raise ValueError(f"position {position} is too late to be a version")
    return version


def decode_entry(
    payload: bytes, position: Position, *, stream: str = "store_stream"
) -> Batch | list[Change]:
    """
    What the entry at *position* says.

    Our own entry is a `Batch`, its hash verified. Documents of other producers are a list
    of changes in either dialect; unknown fields are ignored. What they write without a
    version gets `position_version`, without a time the position's milliseconds; an end
    without quantities has both 0 and says nothing about them.

    Raises:
        CorruptData: The payload is none of the three, or a value in it is one that no
            store may hold; says what, and where by stream and position.
    """
    where = f"{stream} {position}"
    if payload.startswith(b'{"v":'):
        return decode_batch(payload, where)
    try:
        document = msgspec.json.decode(payload)
        if isinstance(document, dict):
            if document.keys() >= _BATCH_MEMBERS:
                return decode_batch(payload, where)
            return [_foreign_change(document, position)]
        if isinstance(document, list):
            return [_foreign_change(item, position) for item in document]
        raise ValueError("it is neither an object nor an array")
    except READ_ERRORS as error:
        raise corrupt(error, "an entry of changes", where) from error


def _foreign_change(document: Any, position: Position) -> Change:
    tags = document.keys() & TAGS if isinstance(document, dict) else ()
    if len(tags) != 1:
        raise ValueError(f"expected one change by its name, got {repr(document)[:80]}")
    (tag,) = tags
    content = document[tag]
    if tag in _ORDER_TAGS:
        content = translate_order(content)
    elif tag in {"OrderFilled", "OrderCancelled"} and isinstance(content, dict):
        content = dict(content)
        for name in ("order_id", "user_id"):
            if type(content.get(name)) is int:
                content[name] = str(content[name])
    change = to_change(msgspec.convert({tag: content}, WireChange))
    version = position_version(position)
    if isinstance(change, OrderCreated | OrderUpdated):
        change.order.version = change.order.version or version
    elif isinstance(change, OrderFilled | OrderCancelled):
        change.version = change.version or version
        change.timestamp = change.timestamp or position.ms
    elif isinstance(change, Balance):
        change.version = change.version or version
    check_change(change)
    return change
