"""What a new order asks for, read once from its command; pure."""

from __future__ import annotations

from typing import Final, cast

import msgspec
from librt.strings import BytesWriter
from msgspec.structs import astuple
from mypy_extensions import i64

from pmengine.commands import SubmitOrder
from pmengine.entities import (
    CANCEL_BOTH,
    CANCEL_MAKER,
    CANCEL_TAKER,
    FOK,
    GTC,
    GTD,
    IOC,
    SELF_TRADE_ALLOWED,
    Token,
    quoted,
)
from pmengine.facts import Refusal
from pmengine.journal import put
from pmstore import (
    MONEY_MAX,
    PRICE_MAX,
    PRICE_MIN,
    QUANTITY_MAX,
    OrderType,
    SelfTrade,
    Side,
    Symbol,
    TimeInForce,
)

# Enum members as module constants: looking one up on its class costs as much as a call.
_BUY: Final = Side.BUY
_LIMIT: Final = OrderType.LIMIT
_GTC: Final = TimeInForce.GTC
_GTD: Final = TimeInForce.GTD
_IOC: Final = TimeInForce.IOC
_CANCEL_TAKER: Final = SelfTrade.CANCEL_TAKER
_CANCEL_MAKER: Final = SelfTrade.CANCEL_MAKER
_CANCEL_BOTH: Final = SelfTrade.CANCEL_BOTH

NO_MODE: Final[i64] = -1
_TIMES_IN_FORCE: Final[list[bytes]] = [b',"gtc"', b',"gtd"', b',"ioc"', b',"fok"']

_encode: Final = msgspec.json.Encoder().encode

_Fields = tuple[
    str,
    int | None,
    str,
    Symbol,
    Side,
    OrderType,
    str,
    int,
    int | None,
    int,
    str | None,
    TimeInForce,
    int | None,
    bool,
    SelfTrade | None,
    str | None,
    str | None,
]


def time_in_force_code(value: TimeInForce) -> i64:
    """The record's code of a time in force."""
    if value is _GTC:
        return GTC
    if value is _IOC:
        return IOC
    return GTD if value is _GTD else FOK


def self_trade_code(value: SelfTrade) -> i64:
    """The record's code of a self-trade mode."""
    if value is _CANCEL_TAKER:
        return CANCEL_TAKER
    if value is _CANCEL_MAKER:
        return CANCEL_MAKER
    return CANCEL_BOTH if value is _CANCEL_BOTH else SELF_TRADE_ALLOWED


class Terms:
    """
    A `SubmitOrder` as the engine looks at it: ids as they were given, the rest as numbers.

    Price in ticks, quantity in lots, volume in micros, expiry in epoch milliseconds.
    """

    def __init__(self, command: SubmitOrder) -> None:
        # All fields at once, in their order: one by one they cost twice as much.
        (
            self.correlation_id,
            self.valid_until_ms,
            self.order_id,
            self.symbol,
            side,
            order_type,
            self.user_id,
            quantity,
            price,
            volume,
            self.client_order_id,
            time_in_force,
            expires_at_ms,
            self.post_only,
            mode,
            self.group,
            self.session,
        ) = cast(_Fields, astuple(command))
        self.is_buy: bool = side is _BUY
        self.is_limit: bool = order_type is _LIMIT
        self.quantity: i64 = quantity
        self.volume: i64 = volume
        self.has_price: bool = price is not None
        self.price: i64 = 0 if price is None else price
        self.time_in_force: i64 = time_in_force_code(time_in_force)
        self.expires: bool = expires_at_ms is not None
        self.expires_at_ms: i64 = 0 if expires_at_ms is None else expires_at_ms
        self.self_trade: i64 = NO_MODE if mode is None else self_trade_code(mode)
        self._mode = mode

    def content(self, token: Token | None) -> bytes:
        """
        What a repeated order must say again to be the same, as a JSON array.

        *token* is the one that the symbol names, None if there is none.
        """
        out = BytesWriter()
        if token is not None:
            out.write(token.content)
        else:
            symbol = self.symbol
            out.write(b"[%d,%d," % (symbol.event_id, symbol.market_id))
            out.write(quoted(symbol.token_id))
        out.write(b',"Buy"' if self.is_buy else b',"Sell"')
        out.write(b',"Limit",' if self.is_limit else b',"Market",')
        put(out, self.quantity)
        if self.has_price:
            out.write(b",")
            put(out, self.price)
            out.write(b",")
        else:
            out.write(b",null,")
        put(out, self.volume)
        out.write(_TIMES_IN_FORCE[self.time_in_force])
        in_either = self.group is not None or self.session is not None
        if self.post_only or self.self_trade != NO_MODE or self.expires or in_either:
            mode = None if self._mode is None else self._mode.value
            expires_at_ms = self.expires_at_ms if self.expires else None
            rest: list[object] = [self.post_only, mode, expires_at_ms]
            if in_either:
                rest.append(self.group)
                rest.append(self.session)
            out.write(b",")
            out.write(_encode(rest)[1:-1])
        out.write(b"]")
        return out.getvalue()

    def malformed(self, tick_size: i64, now_ms: i64) -> Refusal | None:
        """What in itself cannot be: price, quantity, volume, and how they go together."""
        if self.has_price and not PRICE_MIN <= self.price <= PRICE_MAX:
            return Refusal.INVALID_PRICE
        if self.expires != (self.time_in_force == GTD):
            return Refusal.INVALID_EXPIRY
        if self.expires and self.expires_at_ms <= now_ms:
            return Refusal.INVALID_EXPIRY
        if self.is_limit:
            if not self.has_price:
                return Refusal.INVALID_PRICE
            if self.price % tick_size != 0:
                return Refusal.INVALID_TICK
            if not 1 <= self.quantity <= QUANTITY_MAX:
                return Refusal.INVALID_QUANTITY
            if self.volume != 0:
                return Refusal.MALFORMED
            if self.post_only and self.time_in_force != GTC and self.time_in_force != GTD:
                return Refusal.MALFORMED
            return None
        if self.post_only or (self.time_in_force != GTC and self.time_in_force != IOC):
            return Refusal.MALFORMED
        if not self.is_buy:
            if not 1 <= self.quantity <= QUANTITY_MAX:
                return Refusal.INVALID_QUANTITY
            return Refusal.MALFORMED if self.volume else None
        if not 1 <= self.volume <= MONEY_MAX:
            return Refusal.INVALID_VOLUME
        return Refusal.MALFORMED if self.quantity else None
