"""Words for amounts and orders, as people say them."""

from __future__ import annotations

from datetime import UTC, datetime

from pmengine.facts import Refusal
from pmstore import (
    CASH,
    MONEY_DECIMALS,
    PRICE_DECIMALS,
    QUANTITY_DECIMALS,
    Order,
    OrderType,
    Side,
    TimeInForce,
    Trade,
)
from pmstore.decimals import format_decimal


def price_words(ticks: int) -> str:
    """A price, as in 0.4875."""
    return format_decimal(ticks, PRICE_DECIMALS)


def moment(time_ms: int) -> str:
    """A time in UTC, to the millisecond."""
    told = datetime.fromtimestamp(time_ms // 1000, UTC).isoformat(timespec="seconds")
    return f"{told.removesuffix('+00:00')}.{time_ms % 1000:03d}Z"


def shares(lots: int) -> str:
    """A quantity, as in 12.5 shares."""
    return f"{format_decimal(lots, QUANTITY_DECIMALS)} shares"


def money(micros: int) -> str:
    """An amount of cash."""
    return format_decimal(micros, MONEY_DECIMALS)


def amount(asset: str, quantity: int) -> str:
    """An amount of an asset, with its name."""
    return f"{money(quantity)} of cash" if asset == CASH else f"{shares(quantity)} of {asset}"


def terms(order: Order) -> str:
    """What an order asks for, in one line."""
    side = "buy" if order.side is Side.BUY else "sell"
    token = order.symbol.token_id
    if order.order_type is OrderType.MARKET and order.volume:
        words = f"market {side} of {token} for {money(order.volume)}, at most at "
        words += price_words(order.price)
    elif order.order_type is OrderType.MARKET:
        words = f"market {side} of {shares(order.quantity)} of {token}, at least at "
        words += price_words(order.price)
    else:
        words = f"{side} {shares(order.quantity)} of {token} at {price_words(order.price)}"
        words += f", {order.time_in_force.value}"
    if order.time_in_force is TimeInForce.GTD and order.expires_at_ms is not None:
        words += f" until {moment(order.expires_at_ms)}"
    if order.post_only:
        words += ", post-only"
    for what, name in (("group", order.group), ("session", order.session)):
        if name is not None:
            words += f", {what} {name}"
    return words


def refusal_words(outcome: str) -> str:
    """Why a command was refused: the code, and what it means."""
    known = outcome in Refusal.__members__
    return f"{outcome} ({Refusal[outcome].text})" if known else outcome


def fill_words(trade: Trade, order: Order, *, is_taker: bool) -> str:
    """What was traded, with whom and how."""
    if is_taker:
        price, other, role = trade.price, trade.maker_order_id, "took"
        user, other_price = trade.maker_user_id, trade.maker_price
    else:
        price, other, role = trade.maker_price, trade.taker_order_id, "was met by"
        user, other_price = trade.taker_user_id, trade.price
    verb = "bought" if order.side is Side.BUY else "sold"
    words = f"{verb} {shares(trade.quantity)} at {price_words(price)}"
    words += f": {role} order {other} of {user}"
    if other_price != price:
        words += f", whose price was {price_words(other_price)}"
    return f"{words} ({trade.match_type.value}, trade {trade.trade_id})"
