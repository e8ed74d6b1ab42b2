"""How far each source was consumed, kept in the same write as its changes."""

from __future__ import annotations

from pmstore import Position
from pmstore_rocksdb.draft import Draft
from pmstore_rocksdb.keys import NUMBER_BYTES, number, plain
from pmstore_rocksdb.view import Reading


def _key(contract: str, source: str) -> bytes:
    return contract.encode() + b"\x00" + plain(source)


def position_of(reading: Reading | Draft, contract: str, source: str) -> Position | None:
    """Where *source* stands in the store of *contract*, None if nothing was taken from it."""
    value = reading.get("positions", _key(contract, source))
    if value is None:
        return None
    ms, seq = value[:NUMBER_BYTES], value[NUMBER_BYTES:]
    return Position(int.from_bytes(ms, "big"), int.from_bytes(seq, "big"))


def has_had(draft: Draft, contract: str, source: str, position: Position) -> bool:
    """Whether *source* stands at *position* or later."""
    known = position_of(draft, contract, source)
    return known is not None and known >= position


def move(draft: Draft, contract: str, source: str, position: Position) -> None:
    """Let *source* stand at *position*."""
    draft.put("positions", _key(contract, source), number(position.ms) + number(position.seq))
