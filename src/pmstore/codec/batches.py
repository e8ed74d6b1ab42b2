"""Entries of our log <-> JSON: one batch each, chained by hashes over the bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from pmstore.codec.changes_in import WireChange, WireFrequent, to_change, to_frequent
from pmstore.codec.json_text import READ_ERRORS, corrupt, quote, utf8
from pmstore.errors import CorruptData
from pmstore.models.changes import Batch, Change
from pmstore.models.position import Position

FORMAT_VERSION: Final = 1
GENESIS_HASH: Final = "0" * 64
"""The `prev_hash` of the first entry of a log."""

_HASH_MEMBER: Final = b'"hash":"'
_HASH_MEMBER_SIZE: Final = len(_HASH_MEMBER) + 64 + len(b'",')
_HASH_WITHIN: Final = 512
"""The members before it are numbers and one hash: it begins within so many bytes."""


class _WireBatch(msgspec.Struct, gc=False):
    v: int
    number: int
    epoch: int
    time: int
    prev_hash: str
    hash: str
    input: dict[str, str]
    changes: list[WireFrequent]


class _WireChanges(msgspec.Struct, gc=False):
    changes: list[WireChange]


class BatchLink(msgspec.Struct, frozen=True, gc=False):
    """What ties an entry of the log to the one before it, without what it changed."""

    number: int
    epoch: int
    prev_hash: str
    hash: str


_decoder: Final = msgspec.json.Decoder(_WireBatch)
decode_wire_batch: Final = _decoder.decode
"""A log entry with its frequent changes as they are written; raises what msgspec does."""
_rare_decoder: Final = msgspec.json.Decoder(_WireChanges)
_link_decoder: Final = msgspec.json.Decoder(BatchLink)


def encode_batch(
    number: int,
    epoch: int,
    time: int,
    prev_hash: str,
    input: Mapping[str, Position],
    changes: bytes,
) -> tuple[bytes, str]:
    """
    The payload of one log entry, and its hash.

    The hash is SHA-256, in hex, over *prev_hash* and the payload without its `hash` member.

    Args:
        number: Grows by one with every entry.
        epoch: The writer's lease.
        time: Engine time in epoch milliseconds.
        prev_hash: The hash of the entry before; `GENESIS_HASH` for the first.
        input: For every input stream, the position through which it is consumed.
        changes: In the order in which they happened, as `encode_changes` writes them.

    Cost:
        That of the hash: about half a microsecond a kilobyte.
    """
    positions = ",".join([f'{quote(stream)}:"{ms}-{seq}"' for stream, (ms, seq) in input.items()])
    before = utf8(
        f'{{"v":{FORMAT_VERSION},"number":{number},"epoch":{epoch},"time":{time}'
        f',"prev_hash":{quote(prev_hash)},'
    )
    after = b'"input":{%b},"changes":%b}' % (utf8(positions), changes)
    digest = hashlib.sha256(utf8(prev_hash))
    digest.update(before)
    digest.update(after)
    own_hash = digest.hexdigest()
    return b'%b"hash":"%b",%b' % (before, own_hash.encode(), after), own_hash


def decode_batch(payload: bytes, where: str) -> Batch:
    """
    The log entry in *payload*, its hash verified over the raw bytes.

    Whether it follows the entry before it is the reader's question: `number`, `prev_hash`.

    Raises:
        CorruptData: It is no entry, was changed after it was written, or holds a change
            that this release does not know; says what and *where*.
    """
    try:
        wire = _decoder.decode(payload)
        check_entry(payload, wire.v, wire.prev_hash, wire.hash, where)
        changes: list[Change] = list(filter(None, map(to_frequent, wire.changes)))
        if len(changes) < len(wire.changes):  # there are rare ones among them
            changes = decode_all_changes(payload)
        return Batch(
            number=wire.number,
            epoch=wire.epoch,
            time=wire.time,
            prev_hash=wire.prev_hash,
            hash=wire.hash,
            input={stream: Position.parse(text) for stream, text in wire.input.items()},
            changes=changes,
        )
    except READ_ERRORS as error:
        raise corrupt(error, "a log entry", where) from error


def decode_batch_link(payload: bytes, where: str) -> BatchLink:
    """
    How the log entry in *payload* is tied to the one before, its hash verified.

    Raises:
        CorruptData: As for `decode_batch`.

    Cost:
        A tenth of `decode_batch`.
    """
    try:
        link = _link_decoder.decode(payload)
        _verify(payload, link.prev_hash, link.hash, where)
        return link
    except READ_ERRORS as error:
        raise corrupt(error, "a log entry", where) from error


def decode_all_changes(payload: bytes) -> list[Change]:
    """The changes of a log entry, the rare ones too; raises what msgspec does."""
    return [to_change(change) for change in _rare_decoder.decode(payload).changes]


def check_entry(payload: bytes, version: int, prev_hash: str, own_hash: str, where: str) -> None:
    """
    Check what a log entry says of itself against its bytes.

    Raises:
        ValueError: It has another format.
        CorruptData: It was changed after it was written.
    """
    if version != FORMAT_VERSION:
        raise ValueError(
            f"it has format version {version}; this release reads {FORMAT_VERSION}: update it"
        )
    _verify(payload, prev_hash, own_hash, where)


def _verify(payload: bytes, prev_hash: str, own_hash: str, where: str) -> None:
    start = payload.find(_HASH_MEMBER, 0, _HASH_WITHIN)
    end = start + _HASH_MEMBER_SIZE
    if start < 0 or payload[start:end] != b'"hash":"%b",' % own_hash.encode():
        raise CorruptData("the entry's hash is not where its writer puts it", where=where)
    view = memoryview(payload)
    digest = hashlib.sha256(prev_hash.encode())
    digest.update(view[:start])
    digest.update(view[end:])
    if digest.hexdigest() != own_hash:
        raise CorruptData(
            f"the entry was changed after it was written: its bytes have the hash "
            f"{digest.hexdigest()} and it says {own_hash}",
            where=where,
        )
