"""Lines of the trade log: prices in terms of the first token, chained by their hashes."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.codec import (
    GENESIS_HASH,
    decode_trade_line,
    encode_trade_lines,
    first_token_price,
)
from pmstore.errors import CorruptData, InvalidRecord
from pmstore.models.order import Side
from pmstore.models.symbol import Symbol
from pmstore.models.trade import MatchType, Trade
from tests.codec import strategies
from tests.codec.examples import TRADE


def line_of(trade: Trade, prev_hash: str) -> tuple[bytes, str]:
    (line,), own_hash = encode_trade_lines([trade], prev_hash)
    return line + b"\n", own_hash


FIRST, SECOND = Symbol(1, 1, "t0"), Symbol(1, 1, "t1")


@given(strategies.trades)
def test_a_trade_is_read_as_it_was_written(trade: Trade) -> None:
    line, own_hash = line_of(trade, GENESIS_HASH)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert decode_trade_line(line, GENESIS_HASH, "log") == (trade, own_hash)
    assert decode_trade_line(line[:-1], None, "log") == (trade, own_hash)


def test_the_keys_of_the_source_keep_their_names() -> None:
    line = json.loads(line_of(TRADE, GENESIS_HASH)[0])
    assert list(line)[:6] == [
        "trade_id",
        "buy_order_id",
        "sell_order_id",
        "price",
        "quantity",
        "timestamp",
    ]
    assert line["timestamp"] == "2025-01-15T10:30:45.123Z"
    assert (line["buy_order_id"], line["sell_order_id"], line["price"]) == (
        "taker_1",
        "maker_1",
        5200,
    )


@pytest.mark.parametrize(
    ("match_type", "taker", "maker", "buyer", "price"),
    [
        (MatchType.NORMAL, (FIRST, Side.BUY, 4000), (FIRST, Side.SELL, 4000), "taker", 4000),
        (MatchType.NORMAL, (FIRST, Side.SELL, 4000), (FIRST, Side.BUY, 4000), "maker", 4000),
        (MatchType.NORMAL, (SECOND, Side.SELL, 4000), (SECOND, Side.BUY, 4000), "taker", 6000),
        (MatchType.NORMAL, (SECOND, Side.BUY, 4000), (SECOND, Side.SELL, 4000), "maker", 6000),
        (MatchType.MINT, (FIRST, Side.BUY, 4000), (SECOND, Side.BUY, 6000), "taker", 4000),
        (MatchType.MINT, (SECOND, Side.BUY, 6000), (FIRST, Side.BUY, 4000), "maker", 4000),
        (MatchType.MERGE, (FIRST, Side.SELL, 4000), (SECOND, Side.SELL, 6000), "maker", 4000),
        (MatchType.MERGE, (SECOND, Side.SELL, 6000), (FIRST, Side.SELL, 4000), "taker", 4000),
    ],
)
def test_buyer_and_price_are_in_terms_of_the_first_token(
    match_type: MatchType,
    taker: tuple[Symbol, Side, int],
    maker: tuple[Symbol, Side, int],
    buyer: str,
    price: int,
) -> None:
    trade = attrs.evolve(
        TRADE,
        match_type=match_type,
        taker_order_id="taker",
        maker_order_id="maker",
        symbol=taker[0],
        side=taker[1],
        price=taker[2],
        maker_symbol=maker[0],
        maker_side=maker[1],
        maker_price=maker[2],
        taker_is_bid=(taker[0] is FIRST) == (taker[1] is Side.BUY),
    )
    line = json.loads(line_of(trade, GENESIS_HASH)[0])
    assert line["price"] == first_token_price(trade) == price
    assert line["buy_order_id"] == buyer
    assert {line["buy_order_id"], line["sell_order_id"]} == {"taker", "maker"}


def test_a_line_follows_the_line_before_it_and_no_other() -> None:
    _, first_hash = line_of(TRADE, GENESIS_HASH)
    second, second_hash = line_of(attrs.evolve(TRADE, trade_id=2048), first_hash)
    assert first_hash != second_hash
    assert decode_trade_line(second, first_hash, "log")[1] == second_hash
    for before in (GENESIS_HASH, second_hash):
        with pytest.raises(CorruptData, match=r"trades\.log line 2: .*edited, dropped or moved"):
            decode_trade_line(second, before, "trades.log line 2")


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_no_byte_changes_unseen(mask: int) -> None:
    line = line_of(TRADE, GENESIS_HASH)[0][:-1]
    for place in range(len(line)):
        changed = bytearray(line)
        changed[place] ^= mask
        with pytest.raises(CorruptData, match=r"^log: "):
            decode_trade_line(bytes(changed), GENESIS_HASH, "log")


def test_no_tail_is_cut_unseen() -> None:
    line = line_of(TRADE, GENESIS_HASH)[0][:-1]
    for size in range(len(line)):
        with pytest.raises(CorruptData):
            decode_trade_line(line[:size], GENESIS_HASH, "log")


def test_a_price_that_contradicts_the_taker_is_seen_without_the_line_before() -> None:
    line = line_of(TRADE, GENESIS_HASH)[0].replace(b'"price":5200', b'"price":5201', 1)
    with pytest.raises(CorruptData, match="price 5201 is not that of the taker, 5200"):
        decode_trade_line(line, None, "log")


def test_a_line_of_the_source_is_no_line_of_ours() -> None:
    line = (
        b'{"trade_id":1,"buy_order_id":42,"sell_order_id":99,"price":100.5,"quantity":10,'
        b'"timestamp":"2025-01-15T10:30:45.123Z"}'
    )
    with pytest.raises(CorruptData, match=r"not a line of a trade log: .*buy_order_id"):
        decode_trade_line(line, None, "log")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_corrupt(line: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_trade_line(line, None, "log")


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidRecord, match="not Unicode"):
        line_of(attrs.evolve(TRADE, taker_user_id="\ud800"), GENESIS_HASH)
