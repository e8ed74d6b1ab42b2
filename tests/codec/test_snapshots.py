"""Snapshot files: ours whole and verified, the source's as it is printed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.codec import decode_snapshot, decode_snapshot_info, encode_snapshot
from pmstore.codec.snapshots_out import PIECE_ROWS_MAX
from pmstore.errors import CorruptData, InvalidRecord
from pmstore.models.balance import Balance
from pmstore.models.changes import Remembered
from pmstore.models.group import Group
from pmstore.models.leaving import Leaving
from pmstore.models.market import Event, Market
from pmstore.models.order import OrderStatus, Side
from pmstore.models.position import Position
from pmstore.models.snapshot import Snapshot, SnapshotInfo
from pmstore.models.symbol import Symbol
from tests.codec import strategies
from tests.codec.examples import LATER_ORDER, ORDER, SOURCE_SNAPSHOT

EVENT = Event(
    event_id=1,
    markets={1: Market(market_id=1, token_ids=("token_yes", "token_no"))},
    end_date_ms=1704110400000,
)
SNAPSHOT = Snapshot(
    orders=[ORDER],
    events={1: EVENT},
    timestamp=1704110400000,
    last_message_id=Position(1704110400000, 0),
    balances=[Balance("user_456", "cash", 5, 500_000, 1)],
    input_position={"order_input_stream": Position(1, 1)},
    number=3,
    hash="ab" * 32,
)


def written(snapshot: Snapshot) -> bytes:
    return b"".join(encode_snapshot(snapshot))


@given(strategies.snapshots)
def test_a_snapshot_is_read_as_it_was_written(snapshot: Snapshot) -> None:
    assert decode_snapshot(written(snapshot), "file") == snapshot


def test_a_default_snapshot_is_read_as_it_was_written() -> None:
    snapshot = Snapshot(orders=(), events={}, timestamp=0, last_message_id=None)
    assert decode_snapshot(written(snapshot), "file") == snapshot


def test_a_snapshot_of_an_earlier_release_is_read() -> None:
    document = json.loads(written(SNAPSHOT))
    for name in ("groups", "sessions", "post_only_until_ms", "checksum"):
        del document[name]
    document["work"] = [[1, 2]]
    text = json.dumps(document)[:-1] + ","
    assert decode_snapshot(with_checksum(text), "file") == attrs.evolve(SNAPSHOT, work=[(1, 2)])


def test_what_is_left_over_and_what_lives_stands_in_the_file() -> None:
    snapshot = attrs.evolve(
        SNAPSHOT,
        work=[(1, 2), Leaving("session", 5, 9, "u", session="s")],
        groups={("u", "g"): Group(quantity_max=5, window_ms=10, fills=((1, 2), (3, 4)))},
        sessions={("u", "s"): 7},
        post_only_until_ms=8,
    )
    document = json.loads(written(snapshot))
    assert document["work"][0] == [1, 2]
    assert document["work"][1]["reason"] == "session"
    assert document["groups"] == [
        {
            "user_id": "u",
            "group": "g",
            "quantity_max": 5,
            "window_ms": 10,
            "triggered": False,
            "fills": [[1, 2], [3, 4]],
        }
    ]
    assert document["sessions"] == [["u", "s", 7]]
    assert document["post_only_until_ms"] == 8


def test_the_members_of_the_source_are_all_there() -> None:
    ours = json.loads(written(SNAPSHOT))
    source = json.loads(SOURCE_SNAPSHOT)
    assert {name: ours[name] for name in source} == source


def test_the_file_of_the_source_loads_as_it_is_printed() -> None:
    version = 1704110400000 * 2**20
    assert decode_snapshot(SOURCE_SNAPSHOT.encode(), "file") == Snapshot(
        orders=[attrs.evolve(ORDER, version=version)],
        events={1: EVENT},
        timestamp=1704110400000,
        last_message_id=Position(1704110400000, 0),
    )


def test_a_file_of_the_later_dialect_loads() -> None:
    document = json.loads(SOURCE_SNAPSHOT)
    document["snapshots"][0]["orders"] = [json.loads(LATER_ORDER)]
    del document["last_message_id"]
    (order,) = decode_snapshot(json.dumps(document).encode(), "file").orders
    assert (order.id, order.user_id, order.version) == ("42", "7", 0)
    assert (order.side, order.status) == (Side.SELL, OrderStatus.PARTIALLY_FILLED)


def test_orders_stand_in_order_num_order_whatever_their_symbol() -> None:
    orders = [
        attrs.evolve(
            ORDER, id=f"o{number}", order_num=number, symbol=Symbol(1, 1, f"t{number % 3}")
        )
        for number in range(30)
    ]
    payload = written(attrs.evolve(SNAPSHOT, orders=orders))
    assert len(json.loads(payload)["snapshots"]) == 3
    assert decode_snapshot(payload, "file").orders == orders


def test_rows_end_where_they_end_whatever_is_written_in_them() -> None:
    # Much longer than what is decoded at a time, and every id looks like the end of a row.
    ids = [f'}},{{"id":"{number}"}},{{"user_id":"}}]' for number in range(5_000)]
    orders = [
        attrs.evolve(ORDER, id=id, order_num=number, client_order_id=id)
        for number, id in enumerate(ids)
    ]
    memories = [
        Remembered("u", "SubmitOrder", id, "accepted", id, number, (id, number, None, True, "Buy"))
        for number, id in enumerate(ids)
    ]
    snapshot = attrs.evolve(SNAPSHOT, orders=orders, memories=memories)
    assert decode_snapshot(written(snapshot), "file") == snapshot


def test_no_piece_holds_more_rows_than_it_may() -> None:
    count = 2 * PIECE_ROWS_MAX + 1
    orders = [attrs.evolve(ORDER, id=f"o{number}", order_num=number) for number in range(count)]
    balances = [Balance(f"user_{number}", "cash", 1, 0, 1) for number in range(count)]
    snapshot = attrs.evolve(SNAPSHOT, orders=orders, balances=balances)
    pieces = list(encode_snapshot(snapshot))
    assert max(piece.count(b'"side":') for piece in pieces) == PIECE_ROWS_MAX
    assert max(piece.count(b'"available":') for piece in pieces) == PIECE_ROWS_MAX
    assert decode_snapshot(b"".join(pieces), "file") == snapshot


def test_the_checksum_is_over_everything_before_it() -> None:
    payload = written(SNAPSHOT)
    before, _, after = payload.partition(b'"checksum":')
    assert after == b'"%b"}\n' % hashlib.sha256(before).hexdigest().encode()


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_no_byte_changes_unseen(mask: int) -> None:
    payload = written(SNAPSHOT)
    for place in range(len(payload) - 1):
        changed = bytearray(payload)
        changed[place] ^= mask
        with pytest.raises(CorruptData, match=r"^orders\.json: "):
            decode_snapshot(bytes(changed), "orders.json")


def test_no_tail_is_cut_unseen() -> None:
    payload = written(SNAPSHOT)
    for size in range(len(payload) - 1):
        with pytest.raises(CorruptData):
            decode_snapshot(payload[:size], "file")


def test_our_file_without_its_checksum_is_corrupt() -> None:
    document = json.loads(written(SNAPSHOT))
    del document["checksum"]
    for name in ("v", "number", "hash"):
        with pytest.raises(CorruptData, match="no checksum at its end"):
            decode_snapshot(json.dumps(document).encode(), "file")
        del document[name]


def with_checksum(text: str) -> bytes:
    return f'{text}"checksum":"{hashlib.sha256(text.encode()).hexdigest()}"}}'.encode()


def test_another_format_version_is_refused() -> None:
    text = '{"v":2,"snapshots":[],"events":{},"timestamp":1,'
    with pytest.raises(CorruptData, match=r"format version 2.*update it"):
        decode_snapshot(with_checksum(text), "file")


def change_order(**members: Any) -> Callable[[Any], None]:
    return lambda document: document["snapshots"][0]["orders"][0].update(members)


def twice(document: Any) -> None:
    document["snapshots"].append(document["snapshots"][0])


def rename_event(document: Any) -> None:
    document["events"] = {"2": document["events"]["1"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_order(status="Filled"), "order order_123 is Filled; only open ones"),
        (change_order(id="\t"), "is no id"),
        (change_order(remaining_quantity=1), "0 filled and 1 remaining"),
        (twice, "order_123 is there twice"),
        (rename_event, "event 1 stands under '2'"),
        (lambda document: document.pop("events"), "required field `events`"),
        (lambda document: document.update(last_message_id="now"), "'now' is .* position"),
        (lambda document: document.update(snapshots=7), "snapshots"),
        (lambda document: document.update(snapshots=[7]), "snapshots"),
        (
            lambda document: document["events"]["1"].update(end_date="tomorrow"),
            "'tomorrow' is not an RFC 3339 time",
        ),
        (
            lambda document: document["events"]["1"].update(event_id=-1),
            "event -1 stands under '1'",
        ),
        (
            lambda document: document["events"]["1"]["markets"]["1"].update(token_ids=["a", "a"]),
            "market 1 has the token 'a' twice",
        ),
        (
            lambda document: document["events"]["1"]["markets"]["1"].update(token_ids=["a", ""]),
            "token_id '' is no id",
        ),
        (
            lambda document: document["events"]["1"]["markets"]["1"].update(outcomes=["a"]),
            "outcomes",
        ),
        (
            lambda document: document["events"]["1"]["markets"]["1"].update(id=2),
            "market 2 under '1'",
        ),
    ],
)
def test_a_broken_file_of_the_source_is_refused(
    change: Callable[[Any], None], message: str
) -> None:
    document = json.loads(SOURCE_SNAPSHOT)
    change(document)
    with pytest.raises(CorruptData, match=rf"^file: .*{message}"):
        decode_snapshot(json.dumps(document).encode(), "file")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_corrupt(payload: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_snapshot(payload, "file")


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"{}", b"[" * 100_000])
def test_what_is_no_snapshot_is_refused(payload: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_snapshot(payload, "file")


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidRecord, match="not Unicode"):
        written(attrs.evolve(SNAPSHOT, skipped=["\ud800"]))
    memory = Remembered("u", "k", "1", "accepted", "o", 1, ("\ud800",))
    with pytest.raises(InvalidRecord, match="cannot be written"):
        written(attrs.evolve(SNAPSHOT, memories=[memory]))
    market = Market(market_id=1, token_ids=("a", "\ud800"))
    with pytest.raises(InvalidRecord, match="cannot be written"):
        written(attrs.evolve(SNAPSHOT, events={1: Event(event_id=1, markets={1: market})}))


@given(strategies.snapshots)
def test_its_description_says_what_the_whole_would(snapshot: Snapshot) -> None:
    payload = written(snapshot)
    expected = SnapshotInfo.of(snapshot, name="file", size_bytes=len(payload))
    assert decode_snapshot_info(payload, "file", "folder/file") == expected


def test_a_file_of_the_source_is_described_too() -> None:
    payload = SOURCE_SNAPSHOT.encode()
    info = decode_snapshot_info(payload, "file", "folder/file")
    assert info.last_message_id == Position(1704110400000, 0)
    assert info.input_position is None


@pytest.mark.parametrize("cut", [2, 30, 200])
def test_no_broken_file_is_described(cut: int) -> None:
    payload = written(SNAPSHOT)
    changed = bytearray(payload)
    changed[len(changed) // 2] ^= 1
    for broken in (payload[:-cut], bytes(changed)):
        with pytest.raises(CorruptData, match="folder/file"):
            decode_snapshot_info(broken, "file", "folder/file")


def test_a_description_of_another_format_version_is_refused() -> None:
    text = written(SNAPSHOT).decode().replace('"v":1', '"v":2', 1)
    payload = with_checksum(text[: text.rindex('"checksum"')])
    with pytest.raises(CorruptData, match="format version 2"):
        decode_snapshot_info(payload, "file", "folder/file")
