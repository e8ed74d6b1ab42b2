"""Orders: how one is judged, meets the ladder, is settled, changed and ended; pure."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from pmengine.book import Book
from pmengine.commands import AmendOrder, CancelOrder, SubmitOrder
from pmengine.facts import Refusal
from pmengine.ledger import Ledger
from pmengine.matching.contract import NOBODY
from pmstore import (
    CASH,
    MONEY_MAX,
    PAYOUT,
    PRICE_MAX,
    PRICE_MIN,
    QUANTITY_MAX,
    Change,
    MarketState,
    MarketUpdateId,
    MatchType,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderStatus,
    OrderType,
    OrderUpdated,
    SelfTrade,
    Side,
    State,
    Symbol,
    TimeInForce,
    Trade,
)

# Enum members as module constants: looking one up on its class costs as much as a call.
_BUY, _SELL = Side.BUY, Side.SELL
_LIMIT = OrderType.LIMIT
_GTC, _IOC = TimeInForce.GTC, TimeInForce.IOC
_NEW, _PARTIALLY_FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED
_NORMAL, _MINT, _MERGE = MatchType.NORMAL, MatchType.MINT, MatchType.MERGE
_OPEN = MarketState.OPEN

NUMBER_STEP = 1024
"""Order numbers and trade ids are counter x 1024 + shard."""


class Trading:
    """
    Everything that happens to orders, over the books of all markets.

    Args:
        books: The book of each token.
        ledger: None when a deployment keeps money elsewhere: then only matching happens.
        self_trade: The mode of orders that name none.
    """

    def __init__(
        self,
        state: State,
        books: dict[str, Book],
        ledger: Ledger | None,
        *,
        shard: int,
        self_trade: SelfTrade,
    ) -> None:
        self._state = state
        self._books = books
        self._ledger = ledger
        self._shard = shard
        self._self_trade = self_trade
        self._handles: dict[str, int] = {}
        self._owners: dict[str, int] = {}
        self._update_ids = state.user_update_ids

    def submit(self, command: SubmitOrder, now_ms: int, facts: list[Change]) -> Refusal | None:
        """Judge a new order, then match and settle it; the reason if it is refused."""
        symbol = command.symbol
        token = symbol.token_id
        book = self._books.get(token)
        if book is None or book.market_id != symbol.market_id or book.event_id != symbol.event_id:
            return self._unknown(symbol)
        state = self._state
        if state.paused:
            return Refusal.PAUSED
        market = book.market
        if market.state is not _OPEN:
            return self._closed(book)
        if command.order_id in state.order_ids:
            return Refusal.DUPLICATE_ORDER
        refusal = self._malformed(command, market.tick_size)
        if refusal is not None:
            return refusal

        buy = command.side is _BUY
        quantity = command.quantity
        volume = command.volume
        price = command.price
        if price is None:
            price = PRICE_MAX if buy else PRICE_MIN
        if self._ledger is not None:
            if not buy:
                held, needed = self._ledger.available(command.user_id, token), quantity
            else:
                held = self._ledger.available(command.user_id, CASH)
                needed = volume or price * quantity
            if held < needed:
                return Refusal.INSUFFICIENT_BALANCE
        is_first = token == market.token_ids[0]
        is_bid = buy == is_first
        ladder_price = price if is_first else PAYOUT - price
        best = book.ladder.best(not is_bid)
        crosses = best != 0 and (best <= ladder_price if is_bid else best >= ladder_price)
        if crosses and command.post_only:
            return Refusal.POST_ONLY_WOULD_TRADE

        order = Order(
            command.order_id,
            book.symbols[token],
            command.side,
            command.order_type,
            quantity,
            price,
            _NEW,
            0,
            quantity,
            now_ms,
            command.user_id,
            self._next_order_num(),
            self._next_version(command.user_id),
            command.time_in_force,
            None,
            command.post_only,
            command.client_order_id,
            volume,
            0,
            command.self_trade or self._self_trade,
        )
        facts.append(OrderCreated(order))
        if crosses:
            self._take(order, book, is_bid, ladder_price, now_ms, facts)
        elif order.order_type is _LIMIT and order.time_in_force is not _IOC:
            self._freeze(order, -1)
            self._rest(order, book)
            self._level_changed(book, is_bid, ladder_price, now_ms, facts)
        else:
            self._end(order, 0, quantity, 0, False, now_ms, facts)
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
        book = self._books[order.symbol.token_id]
        self.withdraw(order, book, now_ms, facts)
        if book.market.state is _OPEN:
            price = book.ladder_price(order.symbol.token_id, order.price)
            self._level_changed(book, book.is_bid(order), price, now_ms, facts)
        return None

    def withdraw(
        self, order: Order, book: Book, now_ms: int, facts: list[Change], reason: str = ""
    ) -> None:
        """End a resting order as cancelled, for *reason*; its level is the caller's to tell."""
        self._unrest(order, book)
        self._freeze(order, 1)
        done, left = order.filled_quantity, order.remaining_quantity
        facts.append(self._ended(OrderCancelled, order, done, left, 0, now_ms, reason))

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
        book = self._books[order.symbol.token_id]
        price = order.price if command.price is None else command.price
        quantity = order.quantity if command.quantity is None else command.quantity
        if not PRICE_MIN <= price <= PRICE_MAX:
            return Refusal.INVALID_PRICE
        if price % book.market.tick_size:
            return Refusal.INVALID_TICK
        if not 1 <= quantity <= QUANTITY_MAX:
            return Refusal.INVALID_QUANTITY
        keeps_place = price == order.price and quantity <= order.quantity
        if not keeps_place:
            if self._state.paused:
                return Refusal.PAUSED
            if not book.is_open:
                return self._closed(book)
        is_bid = book.is_bid(order)
        old_price = book.ladder_price(order.symbol.token_id, order.price)
        remaining = quantity - order.filled_quantity
        if remaining <= 0:
            self.withdraw(order, book, now_ms, facts)
        elif keeps_place:
            if quantity == order.quantity:
                return None
            self._reduce(order, book, quantity, facts)
        else:
            return self._requeue(order, book, price, quantity, now_ms, facts)
        if book.is_open:
            self._level_changed(book, is_bid, old_price, now_ms, facts)
        return None

    def index(self, order: Order, book: Book) -> None:
        """Put an order of the state on its ladder, as after a restart."""
        self._handles[order.id] = book.rest(order, self._owner(order.user_id))

    def unindex(self, order: Order, book: Book) -> None:
        """Take an order off its ladder; one that never rested is left alone."""
        handle = self._handles.pop(order.id, None)
        if handle is not None:
            book.ladder.cancel(handle)
            del book.resting[handle]

    def reindex(self, order: Order, book: Book) -> None:
        """Let the ladder show an order that stays in its place as it is now."""
        handle = self._handles.get(order.id)
        if handle is not None:
            book.ladder.amend(handle, order.remaining_quantity)
            book.resting[handle] = order

    # -- judging -----------------------------------------------------------------------

    def _unknown(self, symbol: Symbol) -> Refusal:
        event = self._state.events.get(symbol.event_id)
        if event is None:
            return Refusal.UNKNOWN_EVENT
        if symbol.market_id not in event.markets:
            return Refusal.UNKNOWN_MARKET
        return Refusal.UNKNOWN_TOKEN

    def _closed(self, book: Book) -> Refusal:
        end_date_ms = self._state.events[book.event_id].end_date_ms
        expired = end_date_ms is not None and self._state.time_ms >= end_date_ms
        if book.market.state is MarketState.CLOSED and not book.market.removing and expired:
            return Refusal.EVENT_EXPIRED
        return Refusal.MARKET_CLOSED

    def _malformed(self, command: SubmitOrder, tick_size: int) -> Refusal | None:
        price = command.price
        quantity = command.quantity
        if price is not None and not PRICE_MIN <= price <= PRICE_MAX:
            return Refusal.INVALID_PRICE
        if command.expires_at_ms is not None:
            return Refusal.INVALID_EXPIRY
        if command.order_type is _LIMIT:
            if price is None:
                return Refusal.INVALID_PRICE
            if price % tick_size:
                return Refusal.INVALID_TICK
            if not 1 <= quantity <= QUANTITY_MAX:
                return Refusal.INVALID_QUANTITY
            if command.volume:
                return Refusal.MALFORMED
            if command.time_in_force is _GTC:
                return None
            if command.time_in_force is _IOC and not command.post_only:
                return None
            return Refusal.MALFORMED
        if command.post_only or command.time_in_force not in (_GTC, _IOC):
            return Refusal.MALFORMED
        if command.side is _SELL:
            if not 1 <= quantity <= QUANTITY_MAX:
                return Refusal.INVALID_QUANTITY
            return Refusal.MALFORMED if command.volume else None
        if not 1 <= command.volume <= MONEY_MAX:
            return Refusal.INVALID_VOLUME
        return Refusal.MALFORMED if quantity else None

    # -- matching and settling -----------------------------------------------------------

    def _take(
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
        resting = book.resting
        buy = order.side is _BUY
        by_volume = order.order_type is not _LIMIT and buy
        mode = order.self_trade
        owner = NOBODY if mode is SelfTrade.NONE else self._owner(order.user_id)
        rest = order.remaining_quantity
        budget = order.volume
        filled = 0
        spent = 0
        touched: list[int] = []
        stopped = False
        while not stopped:
            limit = ladder_price
            if by_volume:
                limit = ladder.best(not is_bid)
                if not limit or (limit > ladder_price if is_bid else limit < ladder_price):
                    break
                lots_price = book.ladder_price(order.symbol.token_id, limit)
                rest = min((budget - spent) // lots_price, QUANTITY_MAX)
            if not rest:
                break
            fills, rest, own = ladder.match(is_bid, limit, rest, owner)
            for handle, lots, level in fills:
                maker = resting[handle]
                price = self._fill(order, maker, handle, lots, level, is_bid, book, now_ms, facts)
                filled += lots
                spent += price * lots
                if not touched or touched[-1] != level:
                    touched.append(level)
            if own:
                stopped = mode is not SelfTrade.CANCEL_MAKER
                if mode is not SelfTrade.CANCEL_TAKER:
                    maker = resting[ladder.first(not is_bid)]
                    level = book.ladder_price(maker.symbol.token_id, maker.price)
                    self.withdraw(maker, book, now_ms, facts, "self_trade")
                    if not touched or touched[-1] != level:
                        touched.append(level)
            elif not by_volume:
                break
        token = order.symbol.token_id
        if self._ledger is not None and filled:
            if buy:
                self._ledger.move(order.user_id, CASH, -spent, 0)
                self._ledger.move(order.user_id, token, filled, 0)
            else:
                self._ledger.move(order.user_id, token, -filled, 0)
                self._ledger.move(order.user_id, CASH, spent, 0)
        own_levels = [] if left_level is None else [left_level]
        done = order.filled_quantity + filled
        if rest and not stopped and order.order_type is _LIMIT and order.time_in_force is not _IOC:
            if filled:
                order = self._partly_filled(order, done, rest)
                facts.append(OrderUpdated(order))
            self._freeze(order, -1)
            self._rest(order, book)
            if ladder_price != left_level:
                own_levels.append(ladder_price)
        elif by_volume:
            self._end(order, done, 0, spent, stopped, now_ms, facts)
        else:
            self._end(order, done, rest, 0, stopped, now_ms, facts)
        if touched or own_levels:
            bids, asks = (own_levels, touched) if is_bid else (touched, own_levels)
            self._publish(book, bids, asks, now_ms, facts)

    def _fill(
        self,
        order: Order,
        maker: Order,
        handle: int,
        lots: int,
        level: int,
        is_bid: bool,
        book: Book,
        now_ms: int,
        facts: list[Change],
    ) -> int:
        """Settle one fill on the maker's side; the taker's price (ticks) of it."""
        if maker.side is not order.side:
            match_type = _NORMAL
            price = maker.price
        else:
            match_type = _MINT if order.side is _BUY else _MERGE
            price = PAYOUT - maker.price
        state = self._state
        trade_id = (state.trade_counter // NUMBER_STEP + 1) * NUMBER_STEP + self._shard
        state.trade_counter = trade_id
        facts.append(
            Trade(
                trade_id,
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
                maker.price,
                lots,
                now_ms,
                is_bid,
            )
        )
        book.last_price = level
        left = maker.remaining_quantity - lots
        done = maker.filled_quantity + lots
        if left:
            changed = self._partly_filled(maker, done, left)
            book.resting[handle] = changed
            state.orders[maker.id] = changed
            facts.append(OrderUpdated(changed))
        else:
            del book.resting[handle]
            del self._handles[maker.id]
            facts.append(self._ended(OrderFilled, maker, done, 0, 0, now_ms))
        ledger = self._ledger
        if ledger is not None:
            token = maker.symbol.token_id
            if maker.side is _BUY:
                ledger.move(maker.user_id, CASH, 0, -maker.price * lots)
                ledger.move(maker.user_id, token, lots, 0)
            else:
                ledger.move(maker.user_id, token, 0, -lots)
                ledger.move(maker.user_id, CASH, maker.price * lots, 0)
        return price

    def _reduce(self, order: Order, book: Book, quantity: int, facts: list[Change]) -> None:
        self._freeze(order, 1)
        smaller = attrs.evolve(
            order,
            quantity=quantity,
            remaining_quantity=quantity - order.filled_quantity,
            version=self._next_version(order.user_id),
        )
        facts.append(OrderUpdated(smaller))
        self._freeze(smaller, -1)
        self.reindex(smaller, book)
        self._state.orders[order.id] = smaller

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
        best = book.ladder.best(not is_bid)
        crosses = best != 0 and (best <= ladder_price if is_bid else best >= ladder_price)
        if crosses and order.post_only:
            return Refusal.POST_ONLY_WOULD_TRADE
        self._unrest(order, book)
        self._freeze(order, 1)
        again = attrs.evolve(
            order,
            price=price,
            quantity=quantity,
            remaining_quantity=remaining,
            order_num=self._next_order_num(),
            version=self._next_version(order.user_id),
        )
        facts.append(OrderUpdated(again))
        old_level = book.ladder_price(token, order.price)
        self._take(again, book, is_bid, ladder_price, now_ms, facts, old_level)
        return None

    # -- changing one order --------------------------------------------------------------

    def _partly_filled(self, order: Order, done: int, left: int) -> Order:
        """*order* with so much filled and so much left, as its next version."""
        return Order(
            order.id,
            order.symbol,
            order.side,
            order.order_type,
            order.quantity,
            order.price,
            _PARTIALLY_FILLED,
            done,
            left,
            order.timestamp,
            order.user_id,
            order.order_num,
            self._next_version(order.user_id),
            order.time_in_force,
            order.expires_at_ms,
            order.post_only,
            order.client_order_id,
            order.volume,
            order.spent,
            order.self_trade,
            order.group,
            order.session,
            order.fee_exact,
            order.fee_paid,
        )

    def _end(
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
        reason = "self_trade" if stopped else ""
        facts.append(self._ended(kind, order, done, left, spent, now_ms, reason))

    def _ended(
        self,
        kind: type[OrderFilled] | type[OrderCancelled],
        order: Order,
        done: int,
        left: int,
        spent: int,
        now_ms: int,
        reason: str = "",
    ) -> OrderFilled | OrderCancelled:
        """
        Let *order* leave the state with so much filled and left; the fact that says so.

        The order itself stays at its last version: the fact is the next one, so that no
        number of its user is left out.
        """
        state = self._state
        state.orders.pop(order.id, None)
        state.remember_end(order, now_ms)
        return kind(
            order.id,
            order.symbol,
            order.user_id,
            self._next_version(order.user_id),
            done,
            left,
            now_ms,
            spent,
            reason,
        )

    def _rest(self, order: Order, book: Book) -> None:
        self._state.orders[order.id] = order
        self._handles[order.id] = book.rest(order, self._owner(order.user_id))

    def _unrest(self, order: Order, book: Book) -> None:
        self.unindex(order, book)
        del self._state.orders[order.id]

    def _freeze(self, order: Order, sign: int) -> None:
        """Set aside (-1) or release (+1) what the remainder of *order* can still need."""
        if self._ledger is None:
            return
        if order.side is _BUY:
            amount = sign * order.price * order.remaining_quantity
            self._ledger.move(order.user_id, CASH, amount, -amount)
        else:
            amount = sign * order.remaining_quantity
            self._ledger.move(order.user_id, order.symbol.token_id, amount, -amount)

    def _level_changed(
        self, book: Book, is_bid: bool, price: int, now_ms: int, facts: list[Change]
    ) -> None:
        book.update_id += 1
        level = ((price, book.ladder.quantity_at(is_bid, price)),)
        update = MarketUpdateId(
            book.event_id,
            book.market_id,
            book.update_id,
            level if is_bid else (),
            () if is_bid else level,
            book.last_price,
            now_ms,
        )
        self._state.updates[book.key] = update
        facts.append(update)

    def _publish(
        self,
        book: Book,
        bids: Sequence[int],
        asks: Sequence[int],
        now_ms: int,
        facts: list[Change],
    ) -> None:
        update = book.updated(now_ms, bids, asks)
        self._state.updates[book.key] = update
        facts.append(update)

    def _owner(self, user_id: str) -> int:
        """The number under which the ladders know a user; of this process alone."""
        owner = self._owners.get(user_id)
        if owner is None:
            owner = self._owners[user_id] = len(self._owners) + 1
        return owner

    def _next_order_num(self) -> int:
        state = self._state
        number = (state.order_counter // NUMBER_STEP + 1) * NUMBER_STEP + self._shard
        state.order_counter = number
        return number

    def _next_version(self, user_id: str) -> int:
        version = self._update_ids.get(user_id, 0) + 1
        self._update_ids[user_id] = version
        return version
