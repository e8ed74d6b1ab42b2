"""Lines of the trade log (NDJSON) <-> trades, each line chained to the one before by its hash."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from pmstore.codec.json_text import READ_ERRORS, corrupt, quote, symbol_text, utf8
from pmstore.codec.orders import WireSymbol, to_symbol
from pmstore.codec.timestamps import parse_rfc3339, rfc3339
from pmstore.models.order import Side
from pmstore.models.trade import MatchType, Trade
from pmstore.models.units import PAYOUT

_HASH_MEMBER: Final = b',"hash":"'
_TAIL_SIZE: Final = len(_HASH_MEMBER) + 64 + len(b'"}')


class _WireLine(msgspec.Struct, gc=False):
    trade_id: int
    buy_order_id: str
    sell_order_id: str
    price: int
    quantity: int
    timestamp: str | int
    match_type: MatchType
    taker: Side
    symbol: WireSymbol
    side: Side
    taker_price: int
    taker_user_id: str
    maker_symbol: WireSymbol
    maker_side: Side
    maker_price: int
    maker_user_id: str
    hash: str
    taker_fee: int = 0
    maker_fee: int = 0


_decoder: Final = msgspec.json.Decoder(_WireLine)


def first_token_price(trade: Trade) -> int:
    """The price of *trade* in ticks of the market's first token."""
    taker_has_first = (trade.side is Side.BUY) == trade.taker_is_bid
    return trade.price if taker_has_first else PAYOUT - trade.price


def encode_trade_line(trade: Trade, prev_hash: str) -> tuple[bytes, str]:
    """
    The line of *trade*, its newline included, and the hash that the next line is chained to.

    `buy_order_id` buys and `price` is meant in terms of the market's first token; `taker`
    says which of the two orders took, `taker_price` and `maker_price` are each one's own.
    The hash is SHA-256, in hex, over *prev_hash* and the line without its `hash` member.

    Raises:
        InvalidRecord: Text that is not Unicode.
    """
    moment = rfc3339(trade.timestamp)
    buy, sell = trade.taker_order_id, trade.maker_order_id
    if not trade.taker_is_bid:
        buy, sell = sell, buy
    text = (
        f'{{"trade_id":{trade.trade_id},"buy_order_id":{quote(buy)},"sell_order_id":{quote(sell)}'
        f',"price":{first_token_price(trade)},"quantity":{trade.quantity}'
        f',"timestamp":{trade.timestamp if moment is None else quote(moment)}'
        f',"match_type":"{trade.match_type._value_}"'
        f',"taker":"{"Buy" if trade.taker_is_bid else "Sell"}"'
        f',"symbol":{symbol_text(trade.symbol)},"side":"{trade.side._value_}"'
        f',"taker_price":{trade.price},"taker_user_id":{quote(trade.taker_user_id)}'
        f',"maker_symbol":{symbol_text(trade.maker_symbol)}'
        f',"maker_side":"{trade.maker_side._value_}","maker_price":{trade.maker_price}'
        f',"maker_user_id":{quote(trade.maker_user_id)}'
    )
    if trade.taker_fee:
        text += f',"taker_fee":{trade.taker_fee}'
    if trade.maker_fee:
        text += f',"maker_fee":{trade.maker_fee}'
    body = utf8(text)
    own_hash = _hash(prev_hash, body)
    return b'%b,"hash":"%b"}\n' % (body, own_hash.encode()), own_hash


def decode_trade_line(line: bytes, prev_hash: str | None, where: str) -> tuple[Trade, str]:
    """
    The trade in *line*, with or without its newline, and the line's hash.

    Args:
        prev_hash: The hash of the line before, against which the chain is checked; None
            where it is not known (a reader that begins in the middle).
        where: File and line, for the error.

    Raises:
        CorruptData: It is no line of a trade log, or not the one that was written after
            the line before; says what and *where*.
    """
    line = line.removesuffix(b"\n")
    try:
        wire = _decoder.decode(line)
        _check(line, wire, prev_hash)
        bid = wire.taker is Side.BUY
        trade = Trade(
            wire.trade_id,
            wire.match_type,
            wire.buy_order_id if bid else wire.sell_order_id,
            wire.sell_order_id if bid else wire.buy_order_id,
            wire.taker_user_id,
            wire.maker_user_id,
            to_symbol(wire.symbol),
            to_symbol(wire.maker_symbol),
            wire.side,
            wire.maker_side,
            wire.taker_price,
            wire.maker_price,
            wire.quantity,
            parse_rfc3339(wire.timestamp) if isinstance(wire.timestamp, str) else wire.timestamp,
            bid,
            wire.taker_fee,
            wire.maker_fee,
        )
        if wire.price != first_token_price(trade):
            raise ValueError(f"price {wire.price} is not that of the taker, {wire.taker_price}")
        return trade, wire.hash
    except READ_ERRORS as error:
        raise corrupt(error, "a line of a trade log", where) from error


def _check(line: bytes, wire: _WireLine, prev_hash: str | None) -> None:
    start = len(line) - _TAIL_SIZE
    if start < 0 or line[start:] != b'%b%b"}' % (_HASH_MEMBER, wire.hash.encode()):
        raise ValueError("its hash is not where its writer puts it")
    if prev_hash is not None and _hash(prev_hash, line[:start]) != wire.hash:
        raise ValueError(
            f"its hash {wire.hash} does not follow from the line before: this line or the one "
            "before it was edited, dropped or moved"
        )


def _hash(prev_hash: str, body: bytes) -> str:
    return hashlib.sha256(prev_hash.encode() + body + b"}").hexdigest()
