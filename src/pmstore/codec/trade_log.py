"""Lines of the trade log (NDJSON) <-> trades, each line chained to the one before by its hash."""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from pmstore.codec.json_text import READ_ERRORS, corrupt, symbol_text, utf8
from pmstore.codec.orders import WireSymbol, to_symbol
from pmstore.codec.timestamps import parse_rfc3339, rfc3339
from pmstore.errors import InvalidRecord
from pmstore.models.order import Side
from pmstore.models.symbol import Symbol
from pmstore.models.trade import MatchType, Trade
from pmstore.models.units import PAYOUT

_HASH_MEMBER: Final = b',"hash":"'
_TAIL_SIZE: Final = len(_HASH_MEMBER) + 64 + len(b'"}')


class _WrittenLine(msgspec.Struct, gc=False, omit_defaults=True):
    """A line as it is written, without its hash; symbols are texts already."""

    trade_id: int
    buy_order_id: str
    sell_order_id: str
    price: int
    quantity: int
    timestamp: str | int
    match_type: str
    taker: str
    symbol: msgspec.Raw
    side: str
    taker_price: int
    taker_user_id: str
    maker_symbol: msgspec.Raw
    maker_side: str
    maker_price: int
    maker_user_id: str
    taker_fee: int = 0
    maker_fee: int = 0


class _WireLine(msgspec.Struct, gc=False):
    """A line as it is read."""

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


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_WireLine)


def first_token_price(trade: Trade) -> int:
    """The price of *trade* in ticks of the market's first token."""
    taker_has_first = (trade.side is Side.BUY) == trade.taker_is_bid
    return trade.price if taker_has_first else PAYOUT - trade.price


def encode_trade_lines(trades: Iterable[Trade], prev_hash: str) -> tuple[list[bytes], str]:
    """
    The lines of *trades*, without newlines, and the hash that the next line is chained to.

    `buy_order_id` buys and `price` is meant in terms of the market's first token; `taker`
    says which of the two orders took, `taker_price` and `maker_price` are each one's own.
    The hash is SHA-256, in hex, over the hash before it and the line without its `hash`
    member.

    Raises:
        InvalidRecord: Text that is not Unicode.
    """
    lines: list[bytes] = []
    encode, buys, symbols = _encoder.encode, Side.BUY, _SymbolTexts()
    link = prev_hash.encode()
    at_ms = -1
    moment: str | int = ""
    for trade in trades:
        if trade.timestamp != at_ms:
            at_ms = trade.timestamp
            moment = rfc3339(at_ms) or at_ms
        is_bid, side, price = trade.taker_is_bid, trade.side, trade.price
        symbol, maker_symbol = trade.symbol, trade.maker_symbol
        text = symbols[symbol]
        buyer, seller = trade.taker_order_id, trade.maker_order_id
        if not is_bid:
            buyer, seller = seller, buyer
        written = _WrittenLine(
            trade.trade_id,
            buyer,
            seller,
            price if (side is buys) == is_bid else PAYOUT - price,
            trade.quantity,
            moment,
            trade.match_type._value_,
            "Buy" if is_bid else "Sell",
            text,
            side._value_,
            price,
            trade.taker_user_id,
            text if maker_symbol is symbol else symbols[maker_symbol],
            trade.maker_side._value_,
            trade.maker_price,
            trade.maker_user_id,
            trade.taker_fee,
            trade.maker_fee,
        )
        try:
            body = encode(written)
        except UnicodeEncodeError as error:
            raise InvalidRecord(
                f"trade {trade.trade_id} has text that is not Unicode; send whole characters"
            ) from error
        link = hexlify(sha256(link + body).digest())
        lines.append(b'%b,"hash":"%b"}' % (body[:-1], link))
    return lines, link.decode()


class _SymbolTexts(dict[Symbol, msgspec.Raw]):
    """The text of each symbol of a batch."""

    def __missing__(self, symbol: Symbol) -> msgspec.Raw:
        text = self[symbol] = msgspec.Raw(utf8(symbol_text(symbol)))
        return text


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
    return sha256(prev_hash.encode() + body + b"}").hexdigest()
