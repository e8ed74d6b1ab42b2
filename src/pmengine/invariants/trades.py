"""What must hold of one trade between two orders; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pmengine.invariants.laws import Law, Violation
from pmstore import (
    PAYOUT,
    Change,
    MatchType,
    Order,
    OrderCreated,
    OrderUpdated,
    Side,
    Trade,
)


def trade_violations(changes: Iterable[Change], orders: Mapping[str, Order]) -> list[Violation]:
    """
    Every trade among *changes* whose prices or parties are wrong (invariant 7).

    Args:
        changes: The facts of one or more commands, in order.
        orders: The open orders before them, by id.

    Returns:
        A violation each; empty when all is well.
    """
    found: list[Violation] = []
    known: dict[str, Order] = {}
    for change in changes:
        if isinstance(change, OrderCreated | OrderUpdated):
            known[change.order.id] = change.order
        elif isinstance(change, Trade):
            taker = known.get(change.taker_order_id) or orders.get(change.taker_order_id)
            maker = known.get(change.maker_order_id) or orders.get(change.maker_order_id)
            found += check_trade(change, taker, maker)
    return found


def check_trade(trade: Trade, taker: Order | None, maker: Order | None) -> Iterator[Violation]:
    """What is wrong with *trade* of two orders as they were when they came in."""
    name = f"trade {trade.trade_id}"
    if taker is None or maker is None:
        unknown = trade.taker_order_id if taker is None else trade.maker_order_id
        text = f"one of its orders is unknown: {unknown}"
        yield Violation(Law.TRADE_PARTIES, name, text)
        return
    yield from _parties(trade, taker, maker, name)
    if trade.match_type is MatchType.NORMAL:
        prices_fit = trade.price == trade.maker_price
    else:
        prices_fit = trade.price + trade.maker_price == PAYOUT
    if not prices_fit:
        text = f"{trade.match_type.value} at {trade.price} and {trade.maker_price}"
        yield Violation(Law.TRADE_PRICE, name, text)
    if trade.maker_price != maker.price:
        text = f"its maker trades at {trade.maker_price} and not at its limit {maker.price}"
        yield Violation(Law.TRADE_PRICE, name, text)
    worse = trade.price > taker.price if trade.side is Side.BUY else trade.price < taker.price
    if worse:
        text = f"price {trade.price} is worse than the taker's limit {taker.price}"
        yield Violation(Law.TRADE_PRICE, name, text)


def _parties(trade: Trade, taker: Order, maker: Order, name: str) -> Iterator[Violation]:
    sides = (trade.side, trade.maker_side)
    same_token = trade.symbol == trade.maker_symbol
    if trade.match_type is MatchType.NORMAL:
        right = same_token and set(sides) == {Side.BUY, Side.SELL}
    else:
        side = Side.BUY if trade.match_type is MatchType.MINT else Side.SELL
        right = not same_token and sides == (side, side)
    if not right:
        text = f"{trade.match_type.value} of {sides[0].value} and {sides[1].value}"
        yield Violation(Law.TRADE_PARTIES, name, text)
    told = (
        (trade.taker_user_id, trade.symbol, trade.side, taker),
        (trade.maker_user_id, trade.maker_symbol, trade.maker_side, maker),
    )
    for user_id, symbol, side, order in told:
        if (user_id, symbol, side) != (order.user_id, order.symbol, order.side):
            text = f"its terms are not those of order {order.id} of {order.user_id}"
            yield Violation(Law.TRADE_PARTIES, name, text)
    if taker.post_only:
        text = f"its taker, order {taker.id}, is post-only"
        yield Violation(Law.TRADE_PARTIES, name, text)
    if trade.quantity < 1:
        yield Violation(Law.TRADE_PARTIES, name, f"{trade.quantity} lots")
