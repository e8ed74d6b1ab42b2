"""Orders as documents of their own, in both dialects."""

from __future__ import annotations

import json
from typing import Any

import attrs
import cattrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.codec import decode_order, encode_order
from pmstore.errors import CorruptData, InvalidRecord
from pmstore.models.balance import Balance
from pmstore.models.order import Order, OrderStatus, OrderType, SelfTrade, Side, TimeInForce
from pmstore.models.trade import Trade
from pmstore.models.units import FEE_EXACT_MAX
from tests.codec import strategies
from tests.codec.examples import LATER_ORDER, ORDER


@given(strategies.orders)
def test_an_order_is_read_as_it_was_written(order: Order) -> None:
    found = decode_order(encode_order(order), "order:1")
    assert found == order
    assert hash(found.symbol) == hash(order.symbol)


def test_symbols_that_are_read_are_shared() -> None:
    payload = encode_order(ORDER)
    assert decode_order(payload, "a").symbol is decode_order(payload, "b").symbol


def test_ours_are_written_where_they_are_not_the_default() -> None:
    order = attrs.evolve(
        ORDER,
        version=3,
        time_in_force=TimeInForce.GTD,
        expires_at_ms=9,
        post_only=True,
        client_order_id="c1",
        volume=1,
        spent=2,
        self_trade=SelfTrade.NONE,
        group="g",
        session="s",
        fee_exact=4,
        fee_paid=5,
    )
    document = json.loads(encode_order(order))
    assert document.keys() - json.loads(encode_order(ORDER)).keys() == {
        field.name for field in attrs.fields(Order) if field.default is not attrs.NOTHING
    }


@pytest.mark.parametrize(
    ("exact", "text"),
    [
        (1, "1"),
        (2**53, "9007199254740992"),
        (2**53 + 1, '"9007199254740993"'),
        (FEE_EXACT_MAX, '"92233720368547758070000000000"'),
    ],
)
def test_an_exact_fee_is_a_number_as_far_as_all_readers_keep_it(exact: int, text: str) -> None:
    payload = encode_order(attrs.evolve(ORDER, fee_exact=exact))
    assert f'"fee_exact":{text}'.encode() in payload
    assert decode_order(payload, "order:1").fee_exact == exact
    for written in (exact, str(exact)):  # whatever its size
        document = {**json.loads(payload), "fee_exact": written}
        assert decode_order(json.dumps(document).encode(), "order:1").fee_exact == exact


@pytest.mark.parametrize("text", ["", "-1", "1_0", " 1", "1.5", "0x1", "\u0661", "9" * 5000])
def test_an_exact_fee_in_anything_but_digits_is_refused(text: str) -> None:
    document = json.loads(encode_order(ORDER))
    document["fee_exact"] = text
    with pytest.raises(CorruptData, match="^order:1: this is not an order"):
        decode_order(json.dumps(document).encode(), "order:1")


def test_the_later_dialect_is_read() -> None:
    assert decode_order(LATER_ORDER.encode(), "order:42") == attrs.evolve(
        ORDER,
        id="42",
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        status=OrderStatus.PARTIALLY_FILLED,
        filled_quantity=40,
        remaining_quantity=60,
        user_id="7",
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("new", OrderStatus.NEW),
        ("partially_filled", OrderStatus.PARTIALLY_FILLED),
        ("filled", OrderStatus.FILLED),
        ("cancelled", OrderStatus.CANCELLED),
        ("rejected", OrderStatus.REJECTED),
    ],
)
def test_every_status_of_the_later_dialect_is_read(word: str, status: OrderStatus) -> None:
    document = LATER_ORDER.replace("partially_filled", word)
    assert decode_order(document.encode(), "order:42").status is status


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "truncated"),
        (b"7", "Expected `object`, got `int`"),
        (b"{}", "missing required field"),
        (LATER_ORDER.replace('"sell"', '"short"').encode(), r"'short' - at `\$\.side`"),
        (LATER_ORDER.replace('"user_id":7', '"user_id":7.5').encode(), r"at `\$\.user_id`"),
        (b'{"id":"\\ud800"}', "truncated"),
    ],
)
def test_an_error_says_what_and_where(payload: bytes, message: str) -> None:
    with pytest.raises(CorruptData, match=f"^order:42: this is not an order: .*{message}"):
        decode_order(payload, "order:42")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_as_corrupt(payload: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_order(payload, "order:1")


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidRecord, match="not Unicode"):
        encode_order(attrs.evolve(ORDER, group="\udc00"))


plain = st.one_of(strategies.records(Order), strategies.trades, strategies.records(Balance))


@given(plain)
def test_cattrs_and_msgspec_agree_on_orders_trades_and_balances(record: Any) -> None:
    converter = cattrs.Converter()
    document = converter.unstructure(record)
    assert document == msgspec.to_builtins(record)
    assert converter.structure(document, type(record)) == record
    read: Order | Trade | Balance = msgspec.json.decode(
        msgspec.json.encode(record), type=type(record)
    )
    assert converter.unstructure(read) == document


@given(strategies.orders)
def test_cattrs_reads_what_the_codec_writes(order: Order) -> None:
    assert cattrs.Converter().structure(json.loads(encode_order(order)), Order) == order
