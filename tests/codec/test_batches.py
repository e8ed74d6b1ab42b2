"""A log entry says who it follows, and no byte of it changes unseen."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.codec import (
    GENESIS_HASH,
    decode_batch,
    decode_batch_link,
    encode_batch,
    encode_changes,
)
from pmstore.errors import CorruptData, InvalidRecord
from pmstore.models.changes import Batch, Change, OrderCreated, Paused
from pmstore.models.position import Position
from tests.codec import strategies
from tests.codec.examples import ORDER, TRADE

INPUT = {"order_input_stream": Position(1704110400000, 3), "event_input_stream": Position(0, 0)}


def entry(*changes: Change) -> bytes:
    made = changes or (OrderCreated(ORDER), TRADE)
    return encode_batch(7, 2, 1704110400001, "ab" * 32, INPUT, encode_changes(made))[0]


@given(
    st.integers(1, 2**53),
    strategies.numbers,
    strategies.numbers,
    strategies.inputs,
    st.lists(strategies.changes, max_size=5),
)
def test_an_entry_is_read_as_it_was_written(
    number: int, epoch: int, time: int, positions: dict[str, Position], changes: list[Any]
) -> None:
    payload, own_hash = encode_batch(
        number, epoch, time, GENESIS_HASH, positions, encode_changes(changes)
    )
    assert decode_batch(payload, "log") == Batch(
        number=number,
        epoch=epoch,
        time=time,
        prev_hash=GENESIS_HASH,
        hash=own_hash,
        input=positions,
        changes=changes,
    )


def test_an_entry_has_the_members_of_the_specification() -> None:
    written = json.loads(entry(Paused(True)))
    own_hash = written.pop("hash")
    assert re.fullmatch("[0-9a-f]{64}", own_hash)
    assert written == {
        "v": 1,
        "number": 7,
        "epoch": 2,
        "time": 1704110400001,
        "prev_hash": "ab" * 32,
        "input": {"order_input_stream": "1704110400000-3", "event_input_stream": "0-0"},
        "changes": [{"Paused": {"paused": True}}],
    }


def test_the_hash_is_over_the_previous_hash_and_the_payload_without_its_member() -> None:
    payload, own_hash = encode_batch(
        1, 1, 1, GENESIS_HASH, INPUT, encode_changes([OrderCreated(ORDER)])
    )
    without = payload.replace(b'"hash":"%b",' % own_hash.encode(), b"")
    assert len(without) == len(payload) - 74
    assert hashlib.sha256(GENESIS_HASH.encode() + without).hexdigest() == own_hash


def test_an_id_that_looks_like_the_hash_member_deceives_nobody() -> None:
    stream = '"hash":"' + "0" * 64 + '",'
    payload, own_hash = encode_batch(1, 1, 1, GENESIS_HASH, {stream: Position(1, 1)}, b"[]")
    assert decode_batch(payload, "log").hash == own_hash


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_no_byte_changes_unseen(mask: int) -> None:
    payload = entry()
    for place in range(len(payload)):
        changed = bytearray(payload)
        changed[place] ^= mask
        with pytest.raises(CorruptData, match=r"^segment 3: "):
            decode_batch(bytes(changed), "segment 3")


def test_no_tail_is_cut_unseen() -> None:
    payload = entry()
    for size in range(len(payload)):
        with pytest.raises(CorruptData):
            decode_batch(payload[:size], "log")


def test_a_member_written_twice_is_seen() -> None:
    payload = entry()
    with pytest.raises(CorruptData):
        decode_batch(payload[:-1] + b',"hash":"' + b"0" * 64 + b'"}', "log")
    with pytest.raises(CorruptData, match="changed after it was written"):
        decode_batch(payload[:-1] + b',"number":8}', "log")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_as_corrupt(payload: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_batch(payload, "log")


def signed(text: str) -> bytes:
    """An entry of other members than ours, with a right hash."""
    before, after = text.split("HASH")
    own_hash = hashlib.sha256((GENESIS_HASH + before + after).encode()).hexdigest()
    return f'{before}"hash":"{own_hash}",{after}'.encode()


def with_change(change: str, version: int = 1) -> bytes:
    return signed(
        f'{{"v":{version},"number":1,"epoch":1,"time":1,"prev_hash":"{GENESIS_HASH}",HASH'
        f'"input":{{}},"later":[1],"changes":[{change}]}}'
    )


def test_unknown_fields_are_ignored() -> None:
    batch = decode_batch(with_change('{"Paused":{"paused":true,"by":"somebody"}}'), "log")
    assert batch.changes == [Paused(True)]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (with_change('{"Discovered":{}}'), "log: .*newer release"),
        (with_change('{"Paused":{"paused":true}}', version=2), "format version 2.*update it"),
        (with_change('{"OrderCreated":{"id":"a"}}'), "required field.*OrderCreated"),
        (with_change('{"Paused":{"paused":1}}'), r"got `int` - at `\$\.changes\[0\]\.Paused"),
        (
            signed(
                f'{{"v":1,"number":1,"epoch":1,"time":1,"prev_hash":"{GENESIS_HASH}",HASH'
                '"input":{"orders":"yesterday"},"changes":[]}'
            ),
            "'yesterday' is .* position",
        ),
    ],
)
def test_an_error_says_what_and_where(payload: bytes, message: str) -> None:
    with pytest.raises(CorruptData, match=message):
        decode_batch(payload, "log")


def test_a_stream_name_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidRecord, match="not Unicode"):
        encode_batch(1, 1, 1, GENESIS_HASH, {"\ud800": Position(1, 1)}, b"[]")


def test_a_link_says_what_the_whole_entry_would() -> None:
    payload = entry(Paused(True))
    batch, link = decode_batch(payload, "log"), decode_batch_link(payload, "log")
    assert (link.number, link.epoch) == (batch.number, batch.epoch)
    assert (link.prev_hash, link.hash) == (batch.prev_hash, batch.hash)


def test_a_link_of_a_changed_entry_is_refused() -> None:
    payload = bytearray(entry(Paused(True)))
    payload[-10] ^= 1
    with pytest.raises(CorruptData, match="log"):
        decode_batch_link(bytes(payload), "log")
