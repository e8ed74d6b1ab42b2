"""New orders, amends and cancels: judged first, then done in one step; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.admission import closed, unknown, wrong_terms
from pmengine.commands import AmendOrder, CancelOrder
from pmengine.depths import Depths
from pmengine.entities import (
    CANCEL_MAKER,
    FOK,
    GTD,
    IOC,
    NO_HANDLE,
    SELF_TRADE_ALLOWED,
    Memory,
    OpenOrder,
    Token,
)
from pmengine.facts import Refusal
from pmengine.fees import needed
from pmengine.journal import Journal
from pmengine.ledger import Ledger
from pmengine.orders import OpenOrders
from pmengine.records import Records
from pmengine.taking import NO_REASON, Taking
from pmengine.terms import NO_MODE, Terms, self_trade_code
from pmstore import PAYOUT, PRICE_MAX, PRICE_MIN, SelfTrade


class Trading:
    """
    What users do with orders.

    Args:
        open_orders_max: How many orders a user may have open.
        self_trade: The mode of orders that name none.
    """

    def __init__(
        self,
        records: Records,
        journal: Journal,
        depths: Depths,
        orders: OpenOrders,
        taking: Taking,
        ledger: Ledger | None,
        self_trade: SelfTrade,
        open_orders_max: int,
    ) -> None:
        self._records = records
        self._journal = journal
        self._depths = depths
        self._orders = orders
        self._taking = taking
        self._ledger = ledger
        self._self_trade: i64 = self_trade_code(self_trade)
        self._open_orders_max: i64 = open_orders_max

    def submit(
        self, terms: Terms, token: Token | None, memory: Memory, now_ms: i64
    ) -> Refusal | None:
        """
        Judge a new order, then match and settle it; the reason if it is refused.

        *token* is the one that its symbol names, None if there is none.
        """
        records = self._records
        if token is None:
            return unknown(terms.symbol, records)
        book = token.book
        if records.paused or (now_ms < records.post_only_until_ms and not terms.post_only):
            return Refusal.PAUSED
        if not book.is_open:
            return closed(book, records)
        if memory.order_id in records.orders:
            return Refusal.DUPLICATE_ORDER
        refusal = terms.malformed(book.tick_size, now_ms)
        if refusal is not None:
            return refusal
        order = self._order(terms, token, memory, now_ms)
        if terms.group is not None or terms.session is not None:
            refusal = self._taking.grouping.join(order, terms.group, terms.session)
            if refusal is not None:
                return refusal
        refusal = self._judge(order)
        if refusal is not None:
            return refusal

        is_bid = order.is_bid
        ladder_price = order.ladder_price
        crosses = book.crosses(is_bid, ladder_price)
        if crosses and order.post_only:
            return Refusal.POST_ONLY_WOULD_TRADE
        if order.time_in_force == FOK and not self._is_fillable(order, ladder_price, now_ms):
            return Refusal.FOK_NOT_FILLABLE
        order.order_num = self._orders.next_order_num()
        self._orders.stamp(order)
        self._journal.created(order)
        if crosses:
            self._taking.take(order, now_ms)
        elif order.is_limit and order.time_in_force != IOC:
            self._orders.rest(order)
            records.link(order)
            self._depths.changed_level(book, is_bid, ladder_price, now_ms)
        else:
            self._taking.end(order, order.quantity, 0, NO_REASON, now_ms)
        return None

    def _order(self, terms: Terms, token: Token, memory: Memory, now_ms: i64) -> OpenOrder:
        order = OpenOrder(memory, token, terms.is_buy, terms.is_limit)
        order.quantity = terms.quantity
        order.volume = terms.volume
        if terms.has_price:
            order.price = terms.price
        else:
            order.price = PRICE_MAX if terms.is_buy else PRICE_MIN
        order.time_in_force = terms.time_in_force
        order.post_only = terms.post_only
        mode = terms.self_trade
        order.self_trade = self._self_trade if mode == NO_MODE else mode
        if memory.id is not memory.order_id:
            order.client_order_id = memory.id
        order.expires_at_ms = terms.expires_at_ms
        order.time_ms = now_ms
        return order

    def _judge(self, order: OpenOrder) -> Refusal | None:
        """Whether the user may have the order, and can pay for it."""
        user = order.user
        if (
            user.open_orders >= self._open_orders_max
            and order.is_limit
            and order.time_in_force <= GTD
        ):
            return Refusal.TOO_MANY_ORDERS
        ledger = self._ledger
        if ledger is not None:
            if not order.is_buy:
                if ledger.available(user, order.token.asset) < order.quantity:
                    return Refusal.INSUFFICIENT_BALANCE
            else:
                need = order.volume
                if need == 0:
                    need = self._cost(order, order.price, order.quantity)
                if ledger.available(user, self._records.cash) < need:
                    return Refusal.INSUFFICIENT_BALANCE
        return None

    def _cost(self, order: OpenOrder, price: i64, lots: i64) -> i64:
        """The most that *lots* at *price* can take, whichever side of its fills it is."""
        book = order.token.book
        return needed(order, price, lots, max(book.maker_ppm, book.taker_ppm))

    def _is_fillable(self, order: OpenOrder, ladder_price: i64, now_ms: i64) -> bool:
        mode = order.self_trade
        owner: i64 = 0 if mode == SELF_TRADE_ALLOWED else order.user.number
        book = order.token.book
        found = book.ladder.fillable(
            order.is_bid, ladder_price, order.quantity, owner, mode == CANCEL_MAKER
        )
        if found < order.quantity:
            return False  # groups allow no more than there is, and count it maker by maker
        if book.grouped or order.counts_for is not None:
            found = self._taking.grouping.fillable(order, ladder_price, now_ms)
        return found >= order.quantity

    def cancel(self, command: CancelOrder, order_id: bytes, now_ms: i64) -> Refusal | None:
        """Take an own order off the ladder and release what it froze."""
        order = self._records.find_order(order_id)
        if order is None or order.handle == NO_HANDLE:
            return Refusal.UNKNOWN_ORDER
        if order.user.id != command.user_id:
            return Refusal.NOT_OWNER
        symbol = command.symbol
        book = order.token.book
        if symbol is not None and (
            symbol.token_id != order.token.id
            or not order.token.is_of(symbol.event_id, symbol.market_id)
        ):
            return Refusal.UNKNOWN_ORDER
        self._orders.cancel(order, now_ms, NO_REASON)
        if book.is_shown:
            self._depths.changed_level(book, order.is_bid, order.ladder_price, now_ms)
        return None

    def amend(self, command: AmendOrder, order_id: bytes, now_ms: i64) -> Refusal | None:
        """
        Give an own order a new price and/or total quantity in one step.

        Not more at the same price keeps its place; anything else queues again under a new
        number and may trade. A total at or below what is filled ends it as a cancel would.
        """
        order = self._records.find_order(order_id)
        if order is None or order.handle == NO_HANDLE:
            return Refusal.UNKNOWN_ORDER
        if order.user.id != command.user_id:
            return Refusal.NOT_OWNER
        book = order.token.book
        price = order.price
        quantity = order.quantity
        if command.price is not None:
            price = command.price
        if command.quantity is not None:
            quantity = command.quantity
        refusal = wrong_terms(price, quantity, book.tick_size)
        if refusal is not None:
            return refusal
        keeps_place = price == order.price and quantity <= order.quantity
        if not keeps_place and self._records.paused:
            return Refusal.PAUSED
        if not keeps_place and not book.is_open:
            return closed(book, self._records)
        if quantity <= order.filled:
            self._orders.cancel(order, now_ms, NO_REASON)
        elif not keeps_place:
            return self._requeue(order, price, quantity, now_ms)
        elif quantity == order.quantity:
            return None
        else:
            self._reduce(order, quantity)
        if book.is_shown:
            self._depths.changed_level(book, order.is_bid, order.ladder_price, now_ms)
        return None

    def _reduce(self, order: OpenOrder, quantity: i64) -> None:
        order.quantity = quantity
        self._orders.stamp(order)
        self._journal.updated(order)
        self._orders.freeze(order)
        order.token.book.ladder.amend(order.handle, order.remaining)

    def _requeue(self, order: OpenOrder, price: i64, quantity: i64, now_ms: i64) -> Refusal | None:
        ledger = self._ledger
        if ledger is not None:
            asset = self._records.cash if order.is_buy else order.token.asset
            held = ledger.available(order.user, asset) + order.frozen
            if held < self._cost(order, price, quantity - order.filled):
                return Refusal.INSUFFICIENT_BALANCE
        book = order.token.book
        level = price if order.token.is_first else PAYOUT - price
        makers_only = now_ms < self._records.post_only_until_ms
        if (order.post_only or makers_only) and book.crosses(order.is_bid, level):
            return Refusal.POST_ONLY_WOULD_TRADE if order.post_only else Refusal.PAUSED
        left_level = order.ladder_price
        self._orders.leave(order)
        self._orders.release(order)
        order.price = price
        order.quantity = quantity
        order.order_num = self._orders.next_order_num()
        self._orders.stamp(order)
        self._journal.updated(order)
        self._records.move_last(order)
        self._taking.take(order, now_ms, left_level)
        return None
