"""How an engine follows the facts that another one made: a standby, or after a restart; pure."""

from __future__ import annotations

from pmengine.entities import NO_HANDLE, User, quoted
from pmengine.fees import needed
from pmengine.grouping import drop_group, group_of
from pmengine.leaving import Leavings
from pmengine.listing import Listing
from pmengine.orders import OpenOrders
from pmengine.picture import memory_of, opened, remember, renew, set_row
from pmengine.records import Records
from pmengine.sessions import Sessions
from pmstore import (
    SUBMIT_ORDER,
    Balance,
    Change,
    Counters,
    GroupChanged,
    GroupFilled,
    MarketUpdateId,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    OrderType,
    OrderUpdated,
    Paused,
    Remembered,
    SessionChanged,
    TimeInForce,
    Trade,
)

_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


class Following:
    """Folds facts into the records, and keeps ladders and books what they are an index of."""

    def __init__(
        self,
        records: Records,
        orders: OpenOrders,
        leavings: Leavings,
        sessions: Sessions,
        listing: Listing,
    ) -> None:
        self._records = records
        self._orders = orders
        self._leavings = leavings
        self._sessions = sessions
        self._listing = listing

    def apply(self, fact: Change) -> None:
        """Let the records be as *fact* says."""
        records = self._records
        if isinstance(fact, OrderCreated):
            self._created(fact.order)
        elif isinstance(fact, OrderUpdated):
            self._updated(fact.order)
        elif isinstance(fact, OrderFilled | OrderCancelled):
            self._ended(fact)
        elif isinstance(fact, Balance):
            set_row(records, fact)
            self._changed(records.user(fact.user_id), fact.version)
        elif isinstance(fact, Trade):
            records.trade_counter = max(records.trade_counter, fact.trade_id)
        elif isinstance(fact, MarketUpdateId):
            book = records.find_book(fact.event_id, fact.market_id)
            if book is not None:
                book.update_id = fact.update_id
                book.last_price = fact.last_price
        elif isinstance(fact, Remembered):
            self._remembered(fact)
        elif isinstance(fact, Counters):
            records.forget(fact.time_ms)
            records.deposited = fact.deposited
        elif isinstance(fact, Paused):
            records.paused = fact.paused
            records.post_only_until_ms = fact.post_only_until_ms
        elif isinstance(fact, OrdersLeaving):
            self._leavings.follow(fact.leaving, fact.working)
        elif isinstance(fact, GroupChanged):
            self._group_changed(fact)
        elif isinstance(fact, GroupFilled):
            group = records.groups.get((fact.user_id, fact.group))
            if group is not None:
                group.follow(fact.quantity, fact.time_ms)
        elif isinstance(fact, SessionChanged):
            key = (fact.user_id, fact.session)
            if fact.deadline_ms:
                self._sessions.set(key, fact.deadline_ms)
            else:
                self._sessions.drop(key)
        else:
            self._listing.follow(fact)

    def _created(self, order: Order) -> None:
        records = self._records
        memory = memory_of(records, order)
        record = opened(records, order, memory)
        self._changed(record.user, order.version)
        records.order_counter = max(records.order_counter, order.order_num)
        if order.order_type is OrderType.LIMIT and order.time_in_force not in _AT_ONCE:
            self._orders.index(record)

    def _updated(self, order: Order) -> None:
        records = self._records
        record = records.find_order(quoted(order.id))
        if record is None or record.version > order.version:
            return
        queues_again = record.order_num != order.order_num
        if queues_again:
            self._orders.leave(record)
            records.move_last(record)
            records.order_counter = max(records.order_counter, order.order_num)
        renew(record, order)
        if queues_again:
            self._orders.index(record)
        elif record.handle != NO_HANDLE:
            book = record.token.book
            book.ladder.amend(record.handle, record.remaining)
            record.frozen = needed(record, record.price, record.remaining, book.maker_ppm)
        self._changed(record.user, order.version)

    def _ended(self, end: OrderFilled | OrderCancelled) -> None:
        record = self._records.find_order(quoted(end.order_id))
        if record is not None:
            self._orders.leave(record)
            self._orders.close(record, end.timestamp)
            self._changed(record.user, end.version)

    def _remembered(self, answer: Remembered) -> None:
        if answer.repeat or not answer.id:
            return
        memory = remember(self._records, answer)
        if answer.kind != SUBMIT_ORDER or memory.order is None:
            self._records.begin_to_forget(memory, answer.timestamp)

    def _group_changed(self, fact: GroupChanged) -> None:
        if not fact.quantity_max:
            drop_group(self._records, fact.user_id, fact.group)
            return
        group = group_of(self._records, fact.user_id, fact.group)
        group.bind(fact.quantity_max, fact.window_ms)
        group.triggered = fact.triggered

    def _changed(self, user: User, version: int) -> None:
        user.update_id = max(user.update_id, version)
