"""Entries of other producers: both dialects, one change or an array, versions by position."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.codec import (
    GENESIS_HASH,
    decode_entry,
    encode_batch,
    encode_change,
    encode_changes,
    position_version,
)
from pmstore.errors import CorruptData
from pmstore.models.balance import Balance
from pmstore.models.changes import (
    Batch,
    EventAdded,
    EventRemoved,
    GroupChanged,
    GroupFilled,
    MarketAdded,
    MarketUpdateId,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    Paused,
    SessionChanged,
)
from pmstore.models.leaving import Leaving
from pmstore.models.market import Fees, Market
from pmstore.models.order import OrderStatus, Side
from pmstore.models.position import Position
from pmstore.models.units import FEE_EXACT_MAX
from tests.codec import strategies
from tests.codec.examples import LATER_ORDER, ORDER, SOURCE_SNAPSHOT, SYMBOL, TRADE

AT = Position(1704110400000, 5)
VERSION = 1704110400000 * 2**20 + 5
LEAVING = Leaving("group", 1, 7, "ann", group="g")
MARKET = Market(market_id=1, token_ids=("a", "b"), fees=Fees("linear", 0, 7000))
SYMBOL_TEXT = '{"event_id":1,"market_id":1,"token_id":"token_123"}'


def read(text: str) -> list[Any]:
    found = decode_entry(text.encode(), AT)
    assert isinstance(found, list)
    return found


def test_our_batch_is_a_batch() -> None:
    payload, own_hash = encode_batch(1, 1, 1, GENESIS_HASH, {}, encode_changes([Paused(True)]))
    found = decode_entry(payload, AT)
    assert isinstance(found, Batch)
    assert (found.hash, found.changes) == (own_hash, [Paused(True)])


def test_our_batch_with_a_wrong_hash_is_corrupt_and_not_foreign() -> None:
    payload, _ = encode_batch(1, 1, 1, GENESIS_HASH, {}, encode_changes([Paused(True)]))
    for changed in (payload.replace(b"true", b"null"), b" " + payload):
        with pytest.raises(CorruptData, match="store_stream 1704110400000-5: "):
            decode_entry(changed, AT)


def test_one_change_and_an_array_of_changes_are_changes() -> None:
    one = encode_change(OrderCreated(ORDER)).decode()
    (created,) = read(one)
    assert created.order.id == "order_123"
    assert read(f"[{one},{one}]") == [created, created]
    assert read("[]") == []


def test_what_has_no_version_gets_that_of_its_position() -> None:
    assert position_version(AT) == VERSION
    (created,) = read(encode_change(OrderCreated(ORDER)).decode())
    assert created.order.version == VERSION
    (balance,) = read(encode_change(Balance("u", "cash", 1, 0, 9)).decode())
    assert balance.version == 9
    (balance,) = read('{"AccountChanged":{"user_id":"u","asset":"a","available":1,"frozen":0}}')
    assert balance.version == VERSION


def test_an_end_as_the_source_writes_it() -> None:
    text = f'{{"OrderCancelled":{{"order_id":"a","symbol":{SYMBOL_TEXT}}}}}'
    assert read(text) == [OrderCancelled("a", SYMBOL, "", VERSION, 0, 0, AT.ms)]
    text = f'{{"OrderFilled":{{"order_id":42,"symbol":{SYMBOL_TEXT},"user_id":7}}}}'
    assert read(text) == [OrderFilled("42", SYMBOL, "7", VERSION, 0, 0, AT.ms)]


def test_the_later_dialect() -> None:
    (created,) = read(f'{{"OrderCreated":{LATER_ORDER}}}')
    order = created.order
    assert (order.id, order.user_id, order.side) == ("42", "7", Side.SELL)
    assert (order.status, order.version) == (OrderStatus.PARTIALLY_FILLED, VERSION)


def test_events_and_updates_of_the_source() -> None:
    event = json.dumps(json.loads(SOURCE_SNAPSHOT)["events"]["1"])
    added, removed, update = read(
        f'[{{"EventAdded":{event}}},{{"EventRemoved":1}},'
        '{"MarketUpdateId":{"event_id":1,"market_id":1,"update_id":9}}]'
    )
    assert isinstance(added, EventAdded)
    assert added.event.end_date_ms == 1704110400000
    assert removed == EventRemoved(1)
    assert update == MarketUpdateId(1, 1, 9)


def order_with(**members: Any) -> str:
    document = json.loads(encode_change(OrderCreated(ORDER)))
    document["OrderCreated"].update(members)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "truncated"),
        ("1", "neither an object nor an array"),
        ("{}", "expected one change by its name"),
        ('{"OrderVanished":{}}', "expected one change by its name, got .*OrderVanished"),
        ('{"EventRemoved":1,"Paused":{"paused":true}}', "expected one change"),
        ('[{"EventRemoved":1},2]', "expected one change by its name, got 2"),
        ('{"EventRemoved":null}', "newer release|known change"),
        ('{"EventRemoved":-1}', "event_id is -1"),
        ('{"EventRemoved":1.5}', "EventRemoved"),
        (order_with(id="a\nb"), "is no id"),
        (order_with(user_id="x" * 256), "is no id"),
        (order_with(client_order_id=""), "client_order_id '' is no id"),
        (order_with(quantity=2**63, remaining_quantity=2**63), "quantity is 9223372036854775808"),
        (order_with(filled_quantity=1), "100, but 1 filled and 100 remaining"),
        (order_with(price="0.5"), "price"),
        (order_with(fee_exact=-1), "fee_exact is -1"),
        (order_with(fee_exact=str(FEE_EXACT_MAX + 1)), "fee_exact is 9223"),
        (order_with(group=""), "group '' is no id"),
        (order_with(side="Both"), "side"),
        (order_with(order_type=None), "order_type"),
        (order_with(symbol=[]), "symbol"),
        (
            order_with(symbol={"event_id": 1, "market_id": 1, "token_id": ""}),
            "token_id '' is no id",
        ),
        (order_with(symbol={"event_id": -1, "market_id": 1, "token_id": "t"}), "event_id is -1"),
        (f'{{"OrderFilled":{{"order_id":"","symbol":{SYMBOL_TEXT}}}}}', "order_id '' is no id"),
        (
            f'{{"OrderFilled":{{"order_id":"a","user_id":"\\t","symbol":{SYMBOL_TEXT}}}}}',
            "user_id .* is no id",
        ),
        (
            '{"AccountChanged":{"user_id":"","asset":"cash","available":1,"frozen":0}}',
            "user_id '' is no id",
        ),
        (
            '{"AccountChanged":{"user_id":"u","asset":"","available":1,"frozen":0,"version":1}}',
            "asset '' is no id",
        ),
        (
            '{"AccountChanged":{"user_id":"u","asset":"a","available":-1,"frozen":0,"version":1}}',
            "available is -1",
        ),
        (
            '{"MarketAdded":{"event_id":1,"market":{"id":1,"outcomes":["Y","N"],'
            '"token_ids":["a",""]}}}',
            "token_id '' is no id",
        ),
        (encode_change(attrs.evolve(TRADE, maker_user_id="")).decode(), "maker_user_id '' is"),
        (encode_change(attrs.evolve(TRADE, taker_fee=-1)).decode(), "taker_fee is -1"),
        (
            encode_change(OrdersLeaving(LEAVING, True)).decode().replace("ann", "\\t"),
            "user_id .* no id",
        ),
        (encode_change(OrdersLeaving(LEAVING, True)).decode().replace("7", "-7"), "through is -7"),
        (encode_change(OrdersLeaving(LEAVING, True)).decode().replace("group", "x"), "reason|'x'"),
        (encode_change(GroupChanged("u", "", 1, 1)).decode(), "group '' is no id"),
        (encode_change(GroupChanged("u", "g", -1, 1)).decode(), "quantity_max is -1"),
        (encode_change(GroupFilled("", "g", 1, 1)).decode(), "user_id '' is no id"),
        (encode_change(GroupFilled("u", "g", -5, 1)).decode(), "time_ms is -5"),
        (encode_change(SessionChanged("u", "", 1)).decode(), "session '' is no id"),
        (encode_change(MarketAdded(1, MARKET)).decode().replace("7000", "-1"), "taker_ppm is -1"),
        (encode_change(MarketAdded(1, MARKET)).decode().replace("linear", "flat"), "flat"),
        ("[" * 100_000, "recursion|depth|truncated"),
    ],
)
def test_an_error_says_what_and_where(text: str, message: str) -> None:
    with pytest.raises(CorruptData, match=rf"(?i)^store_stream 1704110400000-5: .*({message})"):
        read(text)


def test_a_position_too_late_for_a_version_is_refused() -> None:
    with pytest.raises(CorruptData, match="too late to be a version"):
        decode_entry(encode_change(OrderCreated(ORDER)), Position(2**64 - 1, 0))


def test_bytes_that_are_not_utf8_are_corrupt() -> None:
    with pytest.raises(CorruptData):
        decode_entry(b'{"OrderCreated":{"id":"\xff"}}', AT)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_as_corrupt(payload: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_entry(payload + b"}", AT)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(strategies.changes, st.data())
def test_a_valid_document_with_anything_in_it_is_read_or_refused(change: Any, data: Any) -> None:
    document = json.loads(encode_change(change))
    places: list[tuple[Any, Any]] = []
    pending = [document]
    while pending:
        node = pending.pop()
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                pending.append(node[key])
    node, key = data.draw(st.sampled_from(places))
    node[key] = data.draw(json_values)
    try:
        found = decode_entry(json.dumps(document).encode(), AT)
    except CorruptData:
        return
    assert isinstance(found, list)
    assert len(found) == 1


@given(strategies.changes, st.integers(0), st.integers(1, 255))
def test_a_valid_document_with_a_changed_byte_is_read_or_refused(
    change: Any, place: int, mask: int
) -> None:
    payload = bytearray(encode_change(change))
    payload[place % len(payload)] ^= mask
    with contextlib.suppress(CorruptData):
        decode_entry(bytes(payload), AT)
