"""Whether an engine's ladders are a picture of its open orders; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from pmengine.invariants.laws import Law, Violation, market_name
from pmengine.invariants.needs import ladder_place
from pmengine.invariants.standing import state_violations
from pmstore import PAYOUT, Market, MarketKey, Order, Snapshot, State

LEVELS_MAX: Final = PAYOUT


class ReadableEngine(Protocol):
    """What is looked at of an engine: a picture of its state, and the ladder of each token."""

    books: Mapping[str, Any]

    def snapshot(self, timestamp: int) -> Snapshot:
        """A picture of the state, taken at *timestamp*."""
        ...


def engine_violations(engine: ReadableEngine, *, ledger: bool = True) -> list[Violation]:
    """
    Every law that *engine* breaks: those of its state, and its ladders against it.

    Args:
        ledger: Whether it keeps money and tokens.

    Returns:
        A violation each; empty when all is well.

    Cost:
        O(state): a snapshot of it is taken.
    """
    state = State.restore(engine.snapshot(0))
    found = state_violations(state, ledger=ledger)
    orders: dict[MarketKey, list[Order]] = {}
    for order in state.orders.values():
        if not state.leaving_of(order):
            key = (order.symbol.event_id, order.symbol.market_id)
            orders.setdefault(key, []).append(order)
    listed = 0
    for event in state.events.values():
        for market in event.markets.values():
            listed += len(market.token_ids)
            key = (event.event_id, market.market_id)
            found += _market(engine, key, market, orders.get(key, []))
    if len(engine.books) != listed:
        text = f"{len(engine.books)} tokens have a book and {listed} are listed"
        found.append(Violation(Law.LADDER, "the engine", text))
    return found


def _market(
    engine: ReadableEngine, key: MarketKey, market: Market, orders: list[Order]
) -> Iterator[Violation]:
    name = market_name(*key)
    books = [engine.books.get(token) for token in market.token_ids]
    if books[0] is None or any(book is not books[0] for book in books):
        yield Violation(Law.LADDER, name, "its tokens do not share one book")
        return
    ladder = books[0].ladder
    if len(ladder) != len(orders):
        text = f"{len(orders)} open orders, {len(ladder)} on the ladder"
        yield Violation(Law.LADDER, name, text)
    for is_bid in (True, False):
        totals: dict[int, int] = {}
        for order in orders:
            side, price = ladder_place(order, market)
            if side == is_bid:
                totals[price] = totals.get(price, 0) + order.remaining_quantity
        expected = sorted(totals.items(), reverse=is_bid)
        if list(ladder.levels(is_bid, LEVELS_MAX)) != expected:
            text = f"its {'bids' if is_bid else 'asks'} are not {dict(expected)}"
            yield Violation(Law.LADDER, name, text)
