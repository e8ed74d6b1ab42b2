"""How a taker meets what rests, fill by fill, and what both sides pay and get; pure."""

from __future__ import annotations

from pmengine.book import Book
from pmengine.ledger import Ledger
from pmengine.matching.contract import NOBODY
from pmengine.orders import OpenOrders
from pmstore import (
    CASH,
    PAYOUT,
    QUANTITY_MAX,
    Change,
    MatchType,
    Order,
    OrderCancelled,
    OrderFilled,
    OrderType,
    OrderUpdated,
    SelfTrade,
    Side,
    TimeInForce,
    Trade,
)

_BUY = Side.BUY
_LIMIT = OrderType.LIMIT
_IOC = TimeInForce.IOC
_NORMAL, _MINT, _MERGE = MatchType.NORMAL, MatchType.MINT, MatchType.MERGE
_CANCEL_TAKER, _CANCEL_MAKER = SelfTrade.CANCEL_TAKER, SelfTrade.CANCEL_MAKER
_SELF_TRADE_NONE = SelfTrade.NONE

SELF_TRADE = "self_trade"
"""The reason of an end by self-trade prevention."""


class Taking:
    """Matches an order against its book and settles every fill in the same step."""

    def __init__(self, orders: OpenOrders, ledger: Ledger | None) -> None:
        self._orders = orders
        self._ledger = ledger

    def take(
        self,
        order: Order,
        book: Book,
        is_bid: bool,
        ladder_price: int,
        now_ms: int,
        facts: list[Change],
        left_level: int | None = None,
    ) -> None:
        """
        Let *order*, for which nothing is frozen, meet the other side; then rest or end it.

        *left_level* is where it stood on the ladder before an amend.
        """
        ladder = book.ladder
        buy = order.side is _BUY
        is_limit = order.order_type is _LIMIT
        by_volume = buy and not is_limit
        mode = order.self_trade
        owner = NOBODY if mode is _SELF_TRADE_NONE else self._orders.owner(order.user_id)
        rest = order.remaining_quantity
        limit = ladder_price
        filled = spent = 0
        touched: list[int] = []
        stopped = False
        while not stopped:
            if by_volume:
                limit = ladder.best(not is_bid)
                if not limit or (limit > ladder_price if is_bid else limit < ladder_price):
                    break
                price = book.ladder_price(order.symbol.token_id, limit)
                rest = min((order.volume - spent) // price, QUANTITY_MAX)
            if not rest:
                break
            fills, rest, own = ladder.match(is_bid, limit, rest, owner)
            for handle, lots, level in fills:
                price = self._fill(order, handle, lots, level, is_bid, book, now_ms, facts)
                filled += lots
                spent += price * lots
                if not touched or touched[-1] != level:
                    touched.append(level)
            if own:
                stopped = mode is not _CANCEL_MAKER
                if mode is not _CANCEL_TAKER:
                    level = self._cancel_first(book, not is_bid, now_ms, facts)
                    if not touched or touched[-1] != level:
                        touched.append(level)
            elif not by_volume:
                break
        if filled and self._ledger is not None:
            user_id, token = order.user_id, order.symbol.token_id
            if buy:
                self._ledger.move(user_id, CASH, -spent, 0)
                self._ledger.move(user_id, token, filled, 0)
            else:
                self._ledger.move(user_id, token, -filled, 0)
                self._ledger.move(user_id, CASH, spent, 0)
        own_levels = [] if left_level is None else [left_level]
        done = order.filled_quantity + filled
        if rest and not stopped and is_limit and order.time_in_force is not _IOC:
            if filled:
                order = self._orders.partly_filled(order, done, rest)
                facts.append(OrderUpdated(order))
            self._orders.rest(order, book, is_bid, ladder_price)
            if ladder_price != left_level:
                own_levels.append(ladder_price)
        else:
            left = 0 if by_volume else rest
            self.end(order, done, left, spent if by_volume else 0, stopped, now_ms, facts)
        if touched or own_levels:
            bids, asks = (own_levels, touched) if is_bid else (touched, own_levels)
            self._orders.levels_changed(book, bids, asks, now_ms, facts)

    def end(
        self,
        order: Order,
        done: int,
        left: int,
        spent: int,
        stopped: bool,
        now_ms: int,
        facts: list[Change],
    ) -> None:
        """End a taker that does not rest; *stopped* says that it met its owner's own order."""
        kind = OrderFilled if done and not left else OrderCancelled
        reason = SELF_TRADE if stopped else ""
        facts.append(self._orders.ended(kind, order, done, left, spent, now_ms, reason))

    def cancel(
        self, order: Order, book: Book, now_ms: int, facts: list[Change], reason: str = ""
    ) -> None:
        """End a resting order as cancelled, for *reason*; its level is the caller's to tell."""
        self._orders.unrest(order, book)
        done, left = order.filled_quantity, order.remaining_quantity
        facts.append(self._orders.ended(OrderCancelled, order, done, left, 0, now_ms, reason))

    def _cancel_first(self, book: Book, is_bid: bool, now_ms: int, facts: list[Change]) -> int:
        """Cancel the order that a taker of the same owner would meet next; its level."""
        maker = book.resting[book.ladder.first(is_bid)]
        self.cancel(maker, book, now_ms, facts, SELF_TRADE)
        return book.ladder_price(maker.symbol.token_id, maker.price)

    def _fill(
        self,
        order: Order,
        handle: int,
        lots: int,
        level: int,
        is_bid: bool,
        book: Book,
        now_ms: int,
        facts: list[Change],
    ) -> int:
        """Settle one fill on the maker's side; the taker's price (ticks) of it."""
        maker = book.resting[handle]
        maker_price = maker.price
        if maker.side is not order.side:
            match_type = _NORMAL
            price = maker_price
        else:
            match_type = _MINT if order.side is _BUY else _MERGE
            price = PAYOUT - maker_price
        facts.append(
            Trade(
                self._orders.next_trade_id(),
                match_type,
                order.id,
                maker.id,
                order.user_id,
                maker.user_id,
                order.symbol,
                maker.symbol,
                order.side,
                maker.side,
                price,
                maker_price,
                lots,
                now_ms,
                is_bid,
            )
        )
        book.last_price = level
        changed = self._orders.fill(maker, handle, book, lots)
        if changed is not None:
            facts.append(OrderUpdated(changed))
        else:
            done = maker.filled_quantity + lots
            facts.append(self._orders.ended(OrderFilled, maker, done, 0, 0, now_ms))
        ledger = self._ledger
        if ledger is not None:
            user_id, token = maker.user_id, maker.symbol.token_id
            if maker.side is _BUY:
                ledger.move(user_id, CASH, 0, -maker_price * lots)
                ledger.move(user_id, token, lots, 0)
            else:
                ledger.move(user_id, token, 0, -lots)
                ledger.move(user_id, CASH, maker_price * lots, 0)
        return price
