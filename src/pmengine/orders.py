"""The open orders: their places on the ladders, what is frozen for them, how they end; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.entities import NO_HANDLE, Book, OpenOrder
from pmengine.expiries import Expiries
from pmengine.fees import needed
from pmengine.journal import Journal
from pmengine.ledger import Ledger
from pmengine.records import Records

NUMBER_STEP = 1024
"""Order numbers and trade ids are counter x 1024 + shard."""


class OpenOrders:
    """
    Keeps records, ladders and ledger of the same mind about every open order.

    Args:
        ledger: None when a deployment keeps money elsewhere: then nothing is frozen.
        shard: The low part of every number made here.
    """

    def __init__(
        self, records: Records, journal: Journal, ledger: Ledger | None, shard: int
    ) -> None:
        self._records = records
        self._journal = journal
        self._ledger = ledger
        self._shard: i64 = shard
        self.expiries = Expiries(records)

    # -- numbers -------------------------------------------------------------------------

    def next_order_num(self) -> i64:
        """The arrival number of an order that queues now."""
        records = self._records
        records.order_counter = self._next(records.order_counter)
        return records.order_counter

    def next_trade_id(self) -> i64:
        """The id of a trade that happens now."""
        records = self._records
        records.trade_counter = self._next(records.trade_counter)
        return records.trade_counter

    def _next(self, counter: i64) -> i64:
        return (counter // NUMBER_STEP + 1) * NUMBER_STEP + self._shard

    def stamp(self, order: OpenOrder) -> None:
        """Give *order* the number of its user's next update as its version."""
        user = order.user
        user.update_id += 1
        order.version = user.update_id

    # -- places --------------------------------------------------------------------------

    def rest(self, order: OpenOrder) -> None:
        """Freeze what the remainder of *order* can need, and put it on its ladder."""
        self.freeze(order)
        self.enter(order)

    def enter(self, order: OpenOrder) -> None:
        """Put *order* behind all others at its price."""
        book = order.token.book
        order.handle = book.ladder.add(
            order.is_bid, order.ladder_price, order.remaining, order.user.number
        )
        book.place(order.handle, order)
        if order.counts_for is not None:
            book.grouped += 1
        if order.expires_at_ms:
            self.expiries.add(order)

    def leave(self, order: OpenOrder) -> None:
        """Take *order* off its ladder; one that is not on it is left alone."""
        handle = order.handle
        if handle != NO_HANDLE:
            book = order.token.book
            book.ladder.cancel(handle)
            self._left(order, book)

    def _left(self, order: OpenOrder, book: Book) -> None:
        """An order is on its ladder no more."""
        book.place(order.handle, None)
        order.handle = NO_HANDLE
        if order.counts_for is not None:
            book.grouped -= 1
        if order.expires_at_ms:
            self.expiries.drop()

    def fill(self, maker: OpenOrder, lots: i64, fee: i64, now_ms: i64) -> None:
        """Settle a fill of a maker, from which the ladder took *lots*, for a *fee* (micros)."""
        book = maker.token.book
        maker.filled += lots
        if maker.remaining:
            self.stamp(maker)
            self._journal.updated(maker)
        else:
            self._left(maker, book)
            self.end(maker, True, 0, 0, now_ms, b'""')
        ledger = self._ledger
        if ledger is not None:
            frozen = needed(maker, maker.price, maker.remaining, book.maker_ppm)
            less = maker.frozen - frozen
            maker.frozen = frozen
            cash = self._records.cash
            if maker.is_buy:
                spent = maker.price * lots + fee
                ledger.move(maker.user, cash, less - spent, -less)
                ledger.move(maker.user, maker.token.asset, lots, 0)
            else:
                ledger.move(maker.user, maker.token.asset, 0, -lots)
                ledger.move(maker.user, cash, maker.price * lots - fee, 0)

    # -- money ---------------------------------------------------------------------------

    def freeze(self, order: OpenOrder) -> None:
        """Set aside what the remainder of *order* can still need, and nothing else."""
        if self._ledger is not None:
            ppm = order.token.book.maker_ppm
            more = needed(order, order.price, order.remaining, ppm) - order.frozen
            self._set_aside(order, more)

    def release(self, order: OpenOrder) -> None:
        """Make what was set aside for *order* available again."""
        if self._ledger is not None:
            self._set_aside(order, -order.frozen)

    def _set_aside(self, order: OpenOrder, more: i64) -> None:
        assert self._ledger is not None
        order.frozen += more
        asset = self._records.cash if order.is_buy else order.token.asset
        self._ledger.move(order.user, asset, -more, more)

    # -- changes -------------------------------------------------------------------------

    def end(
        self, order: OpenOrder, filled: bool, left: i64, spent: i64, now_ms: i64, reason: bytes
    ) -> None:
        """
        Let *order* be open no more.

        Its end is the version after its last one, so that no number of its user is left out.
        """
        self.close(order, now_ms)
        self.stamp(order)
        self._journal.ended(order, filled, left, spent, now_ms, reason)

    def close(self, order: OpenOrder, now_ms: i64) -> None:
        """Let *order*, that is off its ladder, leave the open ones."""
        records = self._records
        memory = order.memory
        if memory.order is not None:
            records.unlink(order)
            if memory.number:
                records.begin_to_forget(memory, now_ms)
            elif memory.is_foreign:
                del records.orders[order.id]

    def cancel(self, order: OpenOrder, now_ms: i64, reason: bytes) -> None:
        """End an open order as cancelled, for *reason* (quoted); its level is the caller's."""
        self.leave(order)
        self.release(order)
        self.end(order, False, order.remaining, 0, now_ms, reason)

    def index(self, order: OpenOrder) -> None:
        """Put an order that is known from facts or a snapshot where it belongs."""
        ppm = order.token.book.maker_ppm
        if self._ledger is not None:
            order.frozen = needed(order, order.price, order.remaining, ppm)
        self.enter(order)


def cancel_first(orders: OpenOrders, book: Book, is_bid: bool, now_ms: i64, reason: bytes) -> i64:
    """Cancel the order that a taker would meet next; the level where it stood."""
    maker = book.at(book.ladder.first(is_bid))
    orders.cancel(maker, now_ms, reason)
    return maker.ladder_price
