"""Orders as they are asked for, and orders, trades and fills as they are answered."""

from __future__ import annotations

import re
import secrets
from decimal import Decimal
from typing import Final, Literal

import attrs

from pmengine.client.amounts import to_optional_decimal

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market"]
TimeInForce = Literal["gtc", "gtd", "ioc", "fok"]
SelfTrade = Literal["cancel_taker", "cancel_maker", "cancel_both", "none"]
Status = Literal["new", "partially_filled", "filled", "cancelled", "rejected"]
MatchType = Literal["normal", "mint", "merge"]

_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def new_id() -> str:
    """An id that nobody else makes."""
    return secrets.token_hex(16)


def _given_or_new(id: str | None) -> str:
    """Sent again without one, an order would be another one."""
    return new_id() if id is None else id


def check_id(text: str) -> str:
    """
    *text* if it is an id: it becomes part of paths.

    Raises:
        ValueError: It is not 1..64 of `A-Z a-z 0-9 . _ : -`, or it is `.` or `..`.
    """
    if _ID.fullmatch(text) is None or text in (".", ".."):
        raise ValueError(f"an id is {text[:80]!r}; it takes 1..64 of A-Z a-z 0-9 . _ : -")
    return text


@attrs.frozen(kw_only=True)
class NewOrder:
    """
    An order to place; it can be placed once, however often it is sent.

    What makes it one order is its `client_order_id`, which is made with it unless it is given.

    Attributes:
        price: 0.001 .. 0.999, at most 4 digits; of a market order the worst that it takes.
        quantity: Shares, at most 2 digits; a market buy has none.
        volume: What a market buy may spend, fees included, at most 6 digits.
        expires_at_ms: With `gtd`, epoch milliseconds.
        session: Of `Client.beat`: when it falls silent the order is cancelled.
        valid_until_ms: Refused (`TOO_LATE`) instead of taken later, by the exchange's clock.
    """

    event_id: int
    market_id: int
    token_id: str
    side: Side
    type: OrderType = "limit"
    price: Decimal | None = attrs.field(default=None, converter=to_optional_decimal)
    quantity: Decimal | None = attrs.field(default=None, converter=to_optional_decimal)
    volume: Decimal | None = attrs.field(default=None, converter=to_optional_decimal)
    time_in_force: TimeInForce | None = None
    expires_at_ms: int | None = None
    post_only: bool = False
    self_trade: SelfTrade | None = None
    group: str | None = None
    session: str | None = None
    client_order_id: str = attrs.field(default=None, converter=_given_or_new)
    valid_until_ms: int | None = None


@attrs.frozen(kw_only=True)
class Order:
    """
    An order as it is when it is answered; times in epoch milliseconds.

    `average_price` is rounded to six digits, and None before any fill and in lists. `volume`
    and `spent` are there for market buys.
    """

    id: str
    client_order_id: str | None
    event_id: int
    market_id: int
    token_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    status: Status
    price: Decimal
    quantity: Decimal
    filled_quantity: Decimal
    remaining_quantity: Decimal
    timestamp: int
    version: int
    average_price: Decimal | None = None
    volume: Decimal | None = None
    spent: Decimal | None = None
    expires_at_ms: int | None = None
    group: str | None = None
    session: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.status in ("new", "partially_filled")


@attrs.frozen(kw_only=True)
class Trade:
    """One trade in the taker's terms; `timestamp` in epoch milliseconds."""

    trade_id: int
    event_id: int
    market_id: int
    token_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    match_type: MatchType
    timestamp: int


@attrs.frozen(kw_only=True)
class PlacedOrder:
    """An order after the request, with the fills that it took, oldest first."""

    order: Order
    trades: tuple[Trade, ...]


@attrs.frozen(kw_only=True)
class CancelledOrders:
    """
    Orders as cancelled, in the order of their arrival.

    If there are `more`, those trade no more either, and end one step after the other.
    """

    items: tuple[Order, ...]
    more: bool


@attrs.frozen(kw_only=True)
class Fill:
    """
    One own fill, in the terms of the own order; `timestamp` in epoch milliseconds.

    If both orders are own ones, `role` is `both`: the terms are the taker's, `fee` is that of
    the two together, and `maker_order_id` is there.
    """

    trade_id: int
    order_id: str
    role: Literal["taker", "maker", "both"]
    event_id: int
    market_id: int
    token_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    match_type: MatchType
    timestamp: int
    maker_order_id: str | None = None


@attrs.frozen(kw_only=True)
class Group:
    """At most `quantity_max` shares of a group's orders are filled within `window_ms`."""

    group: str
    quantity_max: Decimal
    window_ms: int


@attrs.frozen(kw_only=True)
class Session:
    """A session that lives for `timeout_ms` from when it was answered; with 0 it has ended."""

    session: str
    timeout_ms: int
