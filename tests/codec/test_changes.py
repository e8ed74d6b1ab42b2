"""The formatted templates write what a plain encoder would, and all of it is read again."""

from __future__ import annotations

import enum
import json
import typing
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.codec import (
    GENESIS_HASH,
    decode_batch,
    decode_changes,
    encode_batch,
    encode_change,
    encode_changes,
)
from pmstore.codec.changes_in import TAGS
from pmstore.errors import CorruptData, InvalidRecord
from pmstore.models.balance import Balance
from pmstore.models.changes import (
    Change,
    EventAdded,
    EventRemoved,
    MarketAdded,
    OrderCreated,
    OrderUpdated,
    Paused,
    Remembered,
)
from pmstore.models.market import Event, Market
from pmstore.models.trade import Trade
from tests.codec import strategies
from tests.codec.examples import ORDER

ALWAYS_WRITTEN = {"reason", "end_date", "outcomes"}


def plainly(value: Any) -> Any:
    """The reference: what a record is as JSON, straight from its fields."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [plainly(item) for item in value]
    if not attrs.has(type(value)):
        return value
    return {
        field.name: digits(getattr(value, field.name))
        if field.name == "fee_exact"
        else plainly(getattr(value, field.name))
        for field in attrs.fields(type(value))
        if field.name in ALWAYS_WRITTEN or getattr(value, field.name) != field.default
    }


def digits(value: int) -> int | str:
    """The reference for an integer of any size."""
    return str(value) if value > 2**53 else value


def document(change: Change) -> Any:
    """The reference for a change: its tag and its content."""
    if isinstance(change, OrderCreated | OrderUpdated):
        return {type(change).__name__: plainly(change.order)}
    tags: dict[type, str] = {Trade: "Traded", Balance: "AccountChanged"}
    return {tags.get(type(change), type(change).__name__): plainly(change)}


FREQUENT = [
    "OrderCreated",
    "OrderUpdated",
    "OrderFilled",
    "OrderCancelled",
    "Trade",
    "Balance",
    "MarketUpdateId",
    "Remembered",
    "GroupFilled",
    "SessionChanged",
]


@pytest.mark.parametrize("kind", FREQUENT)
@given(data=st.data())
def test_a_template_writes_what_a_plain_encoder_writes(kind: str, data: st.DataObject) -> None:
    change = data.draw(strategies.by_kind[kind])
    written = encode_change(change)
    assert json.loads(written) == document(change)
    assert msgspec.json.decode(written) == document(change)


@pytest.mark.parametrize("kind", strategies.by_kind)
@given(data=st.data())
def test_every_change_is_read_as_it_was_written(kind: str, data: st.DataObject) -> None:
    change = data.draw(strategies.by_kind[kind])
    payload, _ = encode_batch(1, 1, 1, GENESIS_HASH, {}, encode_changes([change, change]))
    assert decode_batch(payload, "log").changes == [change, change]


@given(strategies.changes)
def test_an_array_is_its_changes(change: Change) -> None:
    one = encode_change(change)
    assert encode_changes([change, change]) == b"[" + one + b"," + one + b"]"


def test_no_changes_are_an_empty_array() -> None:
    assert encode_changes([]) == b"[]"
    assert decode_changes(b"[]", "facts") == []


@given(st.lists(strategies.changes, max_size=4))
def test_rare_and_frequent_changes_are_read_in_the_order_in_which_they_stand(
    written: list[Change],
) -> None:
    assert decode_changes(encode_changes(written), "facts") == written
    payload, _ = encode_batch(1, 1, 1, GENESIS_HASH, {}, encode_changes(written))
    assert decode_batch(payload, "log").changes == written


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b"[{}]", b'[{"OrderVanished":{}}]'])
def test_what_is_no_array_of_changes_is_corrupt(payload: bytes) -> None:
    with pytest.raises(CorruptData, match="^facts: this is not an array of changes: "):
        decode_changes(payload, "facts")


def test_the_strategies_and_the_codec_know_every_change() -> None:
    names = {kind.__name__ for kind in typing.get_args(Change)}
    assert names == strategies.by_kind.keys()
    assert names - {"Trade", "Balance"} | {"Traded", "AccountChanged"} == TAGS


def test_an_order_has_the_twelve_keys_of_the_source() -> None:
    assert encode_change(OrderCreated(ORDER)).decode() == (
        '{"OrderCreated":{"id":"order_123","symbol":{"event_id":1,"market_id":1,'
        '"token_id":"token_123"},"side":"Buy","order_type":"Limit","quantity":100,"price":5000,'
        '"status":"New","filled_quantity":0,"remaining_quantity":100,"timestamp":1704110400000,'
        '"user_id":"user_456","order_num":1}}'
    )


def test_events_have_the_shape_of_the_source() -> None:
    market = Market(market_id=1, token_ids=("token_yes", "token_no"))
    event = Event(event_id=1, markets={1: market}, end_date_ms=1704110400000)
    assert json.loads(encode_change(EventAdded(event))) == {
        "EventAdded": {
            "event_id": 1,
            "markets": {
                "1": {"id": 1, "outcomes": ["Yes", "No"], "token_ids": ["token_yes", "token_no"]}
            },
            "end_date": "2024-01-01T12:00:00Z",
        }
    }
    assert encode_change(EventRemoved(1)) == b'{"EventRemoved":1}'
    assert json.loads(encode_change(MarketAdded(1, market)))["MarketAdded"]["market"]["id"] == 1


@pytest.mark.parametrize(
    "change",
    [
        attrs.evolve(ORDER, id="half \ud800 a pair"),
        attrs.evolve(ORDER, user_id="\udfff"),
    ],
)
def test_text_that_is_not_unicode_is_refused(change: Any) -> None:
    with pytest.raises(InvalidRecord, match="not Unicode"):
        encode_change(OrderCreated(change))


def test_an_event_with_text_that_is_not_unicode_is_refused() -> None:
    market = Market(market_id=1, token_ids=("a", "\ud800"))
    with pytest.raises(InvalidRecord, match="cannot be written"):
        encode_change(EventAdded(Event(event_id=1, markets={1: market})))


def test_content_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidRecord, match="cannot be written"):
        encode_change(Remembered("u", "k", "1", "accepted", "o", 1, ("\ud800",)))


def test_what_is_no_change_is_refused_by_name() -> None:
    with pytest.raises(InvalidRecord, match="Order'> is no change; the changes are OrderCreated"):
        encode_changes([ORDER, Paused(True)])  # type: ignore[list-item]
