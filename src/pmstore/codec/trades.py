"""Trades <-> JSON, as the `Traded` facts of the log carry them."""

from __future__ import annotations

from typing import Final

import msgspec

from pmstore.codec.json_text import READ_ERRORS, corrupt, quote, symbol_text, utf8
from pmstore.codec.orders import WireSymbol, to_symbol
from pmstore.models.order import Side
from pmstore.models.trade import MatchType, Trade


class WireTrade(msgspec.Struct, gc=False):
    """A trade as it is written."""

    trade_id: int
    match_type: MatchType
    taker_order_id: str
    maker_order_id: str
    taker_user_id: str
    maker_user_id: str
    symbol: WireSymbol
    maker_symbol: WireSymbol
    side: Side
    maker_side: Side
    price: int
    maker_price: int
    quantity: int
    timestamp: int
    taker_is_bid: bool
    taker_fee: int = 0
    maker_fee: int = 0


_decoder: Final = msgspec.json.Decoder(WireTrade)


def to_trade(wire: WireTrade) -> Trade:
    """The trade that was written."""
    return Trade(
        wire.trade_id,
        wire.match_type,
        wire.taker_order_id,
        wire.maker_order_id,
        wire.taker_user_id,
        wire.maker_user_id,
        to_symbol(wire.symbol),
        to_symbol(wire.maker_symbol),
        wire.side,
        wire.maker_side,
        wire.price,
        wire.maker_price,
        wire.quantity,
        wire.timestamp,
        wire.taker_is_bid,
        wire.taker_fee,
        wire.maker_fee,
    )


def trade_text(trade: Trade) -> str:
    """The trade as JSON; the fees where there are any."""
    text = (
        f'{{"trade_id":{trade.trade_id},"match_type":"{trade.match_type._value_}"'
        f',"taker_order_id":{quote(trade.taker_order_id)}'
        f',"maker_order_id":{quote(trade.maker_order_id)}'
        f',"taker_user_id":{quote(trade.taker_user_id)}'
        f',"maker_user_id":{quote(trade.maker_user_id)}'
        f',"symbol":{symbol_text(trade.symbol)},"maker_symbol":{symbol_text(trade.maker_symbol)}'
        f',"side":"{trade.side._value_}","maker_side":"{trade.maker_side._value_}"'
        f',"price":{trade.price},"maker_price":{trade.maker_price},"quantity":{trade.quantity}'
        f',"timestamp":{trade.timestamp},"taker_is_bid":{"true" if trade.taker_is_bid else "false"}'
    )
    if trade.taker_fee:
        text += f',"taker_fee":{trade.taker_fee}'
    if trade.maker_fee:
        text += f',"maker_fee":{trade.maker_fee}'
    return text + "}"


def encode_trade(trade: Trade) -> bytes:
    """
    The trade as a JSON document.

    Raises:
        InvalidRecord: Text that is not Unicode.
    """
    return utf8(trade_text(trade))


def decode_trade(payload: bytes, where: str) -> Trade:
    """
    The trade in a JSON document; unknown fields are ignored.

    Raises:
        CorruptData: It is no trade; says what is wrong and *where*.
    """
    try:
        return to_trade(_decoder.decode(payload))
    except READ_ERRORS as error:
        raise corrupt(error, "a trade", where) from error
