"""The commands about orders: submit, cancel and amend; pure."""

from __future__ import annotations

import attrs

from pmengine.admission import closed, malformed, unknown, wrong_terms
from pmengine.book import Book
from pmengine.commands import AmendOrder, CancelOrder, SubmitOrder
from pmengine.facts import Refusal
from pmengine.ledger import Ledger
from pmengine.orders import OpenOrders
from pmengine.taking import Taking
from pmstore import (
    CASH,
    PAYOUT,
    PRICE_MAX,
    PRICE_MIN,
    Change,
    MarketState,
    Order,
    OrderCreated,
    OrderStatus,
    OrderType,
    OrderUpdated,
    SelfTrade,
    Side,
    State,
    TimeInForce,
)

_BUY = Side.BUY
_LIMIT = OrderType.LIMIT
_IOC = TimeInForce.IOC
_NEW = OrderStatus.NEW
_OPEN = MarketState.OPEN


class Trading:
    """
    Judges first and changes then: a refused command has touched nothing.

    Args:
        books: The book of each token.
        ledger: None when a deployment keeps money elsewhere: then only matching happens.
        self_trade: The mode of orders that name none.
    """

    def __init__(
        self,
        state: State,
        books: dict[str, Book],
        orders: OpenOrders,
        taking: Taking,
        ledger: Ledger | None,
        self_trade: SelfTrade,
    ) -> None:
        self._state = state
        self._books = books
        self._orders = orders
        self._taking = taking
        self._ledger = ledger
        self._self_trade = self_trade

    def submit(self, command: SubmitOrder, now_ms: int, facts: list[Change]) -> Refusal | None:
        """Judge a new order, then match and settle it; the reason if it is refused."""
        symbol = command.symbol
        token = symbol.token_id
        state = self._state
        book = self._books.get(token)
        if book is None or book.market_id != symbol.market_id or book.event_id != symbol.event_id:
            return unknown(symbol, state)
        if state.paused:
            return Refusal.PAUSED
        market = book.market
        if market.state is not _OPEN:
            return closed(book, state)
        order_id = command.order_id
        if order_id in state.order_ids:
            return Refusal.DUPLICATE_ORDER
        refusal = malformed(command, market.tick_size)
        if refusal is not None:
            return refusal

        user_id = command.user_id
        side = command.side
        order_type = command.order_type
        time_in_force = command.time_in_force
        quantity = command.quantity
        volume = command.volume
        price = command.price
        buy = side is _BUY
        if price is None:
            price = PRICE_MAX if buy else PRICE_MIN
        if self._ledger is not None:
            if buy:
                held = self._ledger.available(user_id, CASH)
                needed = volume or price * quantity
            else:
                held, needed = self._ledger.available(user_id, token), quantity
            if held < needed:
                return Refusal.INSUFFICIENT_BALANCE
        is_first = token == market.token_ids[0]
        is_bid = buy == is_first
        ladder_price = price if is_first else PAYOUT - price
        crosses = book.crosses(is_bid, ladder_price)
        if crosses and command.post_only:
            return Refusal.POST_ONLY_WOULD_TRADE

        order = Order(
            order_id,
            book.symbols[token],
            side,
            order_type,
            quantity,
            price,
            _NEW,
            0,
            quantity,
            now_ms,
            user_id,
            self._orders.next_order_num(),
            self._orders.next_version(user_id),
            time_in_force,
            None,
            command.post_only,
            command.client_order_id,
            volume,
            0,
            command.self_trade or self._self_trade,
        )
        facts.append(OrderCreated(order))
        if crosses:
            self._taking.take(order, book, is_bid, ladder_price, now_ms, facts)
        elif order_type is _LIMIT and time_in_force is not _IOC:
            self._orders.rest(order, book, is_bid, ladder_price)
            self._orders.level_changed(book, is_bid, ladder_price, now_ms, facts)
        else:
            self._taking.end(order, 0, quantity, 0, False, now_ms, facts)
        return None

    def cancel(self, command: CancelOrder, now_ms: int, facts: list[Change]) -> Refusal | None:
        """Take an own order off the ladder and release what it froze."""
        order = self._state.orders.get(command.order_id)
        if order is None:
            return Refusal.UNKNOWN_ORDER
        if order.user_id != command.user_id:
            return Refusal.NOT_OWNER
        if command.symbol is not None and command.symbol != order.symbol:
            return Refusal.UNKNOWN_ORDER
        token = order.symbol.token_id
        book = self._books[token]
        self._taking.cancel(order, book, now_ms, facts)
        if book.market.state is _OPEN:
            price = book.ladder_price(token, order.price)
            self._orders.level_changed(book, book.is_bid(order), price, now_ms, facts)
        return None

    def amend(self, command: AmendOrder, now_ms: int, facts: list[Change]) -> Refusal | None:
        """
        Give an own order a new price and/or total quantity in one step.

        Not more at the same price keeps its place; anything else queues again under a new
        number and may trade. A total at or below what is filled ends it as a cancel would.
        """
        order = self._state.orders.get(command.order_id)
        if order is None:
            return Refusal.UNKNOWN_ORDER
        if order.user_id != command.user_id:
            return Refusal.NOT_OWNER
        token = order.symbol.token_id
        book = self._books[token]
        price = order.price if command.price is None else command.price
        quantity = order.quantity if command.quantity is None else command.quantity
        refusal = wrong_terms(price, quantity, book.market.tick_size)
        if refusal is not None:
            return refusal
        keeps_place = price == order.price and quantity <= order.quantity
        if not keeps_place and self._state.paused:
            return Refusal.PAUSED
        if not keeps_place and not book.is_open:
            return closed(book, self._state)
        if quantity <= order.filled_quantity:
            self._taking.cancel(order, book, now_ms, facts)
        elif not keeps_place:
            return self._requeue(order, book, price, quantity, now_ms, facts)
        elif quantity == order.quantity:
            return None
        else:
            self._reduce(order, book, quantity, facts)
        if book.is_open:
            level = book.ladder_price(token, order.price)
            self._orders.level_changed(book, book.is_bid(order), level, now_ms, facts)
        return None

    def _reduce(self, order: Order, book: Book, quantity: int, facts: list[Change]) -> None:
        self._orders.release(order)
        smaller = attrs.evolve(
            order,
            quantity=quantity,
            remaining_quantity=quantity - order.filled_quantity,
            version=self._orders.next_version(order.user_id),
        )
        facts.append(OrderUpdated(smaller))
        self._orders.freeze(smaller)
        self._orders.replace(smaller, book)

    def _requeue(
        self,
        order: Order,
        book: Book,
        price: int,
        quantity: int,
        now_ms: int,
        facts: list[Change],
    ) -> Refusal | None:
        token = order.symbol.token_id
        remaining = quantity - order.filled_quantity
        if self._ledger is not None:
            buy = order.side is _BUY
            held = self._ledger.available(order.user_id, CASH if buy else token)
            held += order.price * order.remaining_quantity if buy else order.remaining_quantity
            if held < (price * remaining if buy else remaining):
                return Refusal.INSUFFICIENT_BALANCE
        is_bid = book.is_bid(order)
        ladder_price = book.ladder_price(token, price)
        if order.post_only and book.crosses(is_bid, ladder_price):
            return Refusal.POST_ONLY_WOULD_TRADE
        self._orders.unrest(order, book)
        again = attrs.evolve(
            order,
            price=price,
            quantity=quantity,
            remaining_quantity=remaining,
            order_num=self._orders.next_order_num(),
            version=self._orders.next_version(order.user_id),
        )
        facts.append(OrderUpdated(again))
        old_level = book.ladder_price(token, order.price)
        self._taking.take(again, book, is_bid, ladder_price, now_ms, facts, old_level)
        return None
