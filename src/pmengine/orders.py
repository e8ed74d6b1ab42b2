"""The open orders: their places on the ladders, what is frozen for them, how they end; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pmengine.book import Book
from pmengine.ledger import Ledger
from pmstore import (
    CASH,
    PAYOUT,
    Change,
    MarketUpdateId,
    Order,
    OrderCancelled,
    OrderFilled,
    OrderStatus,
    Side,
    State,
)

_BUY = Side.BUY
_PARTIALLY_FILLED = OrderStatus.PARTIALLY_FILLED

NUMBER_STEP = 1024
"""Order numbers and trade ids are counter x 1024 + shard."""


class OpenOrders:
    """
    Keeps state, ladders and ledger of the same mind about every open order.

    Args:
        ledger: None when a deployment keeps money elsewhere: then nothing is frozen.
        shard: The low part of every number made here.
    """

    def __init__(self, state: State, ledger: Ledger | None, shard: int) -> None:
        self._state = state
        self._ledger = ledger
        self._shard = shard
        self._handles: dict[str, int] = {}
        self._owners: dict[str, int] = {}
        self._update_ids = state.user_update_ids

    # -- numbers -------------------------------------------------------------------------

    def owner(self, user_id: str) -> int:
        """The number under which the ladders know a user; of this process alone."""
        owner = self._owners.get(user_id)
        if owner is None:
            owner = self._owners[user_id] = len(self._owners) + 1
        return owner

    def next_order_num(self) -> int:
        """The arrival number of an order that queues now."""
        state = self._state
        number = (state.order_counter // NUMBER_STEP + 1) * NUMBER_STEP + self._shard
        state.order_counter = number
        return number

    def next_trade_id(self) -> int:
        """The id of a trade that happens now."""
        state = self._state
        number = (state.trade_counter // NUMBER_STEP + 1) * NUMBER_STEP + self._shard
        state.trade_counter = number
        return number

    def next_version(self, user_id: str) -> int:
        """The user's update number of a change that happens now."""
        version = self._update_ids.get(user_id, 0) + 1
        self._update_ids[user_id] = version
        return version

    # -- places --------------------------------------------------------------------------

    def rest(self, order: Order, book: Book, is_bid: bool, ladder_price: int) -> None:
        """Freeze what the remainder of *order* can need, and put it on its ladder."""
        self.freeze(order)
        self._state.orders[order.id] = order
        owner = self.owner(order.user_id)
        handle = book.ladder.add(is_bid, ladder_price, order.remaining_quantity, owner)
        book.resting[handle] = order
        self._handles[order.id] = handle

    def unrest(self, order: Order, book: Book) -> None:
        """Take an order off its ladder and out of the state, and release what it froze."""
        self.unindex(order, book)
        del self._state.orders[order.id]
        self.release(order)

    def fill(self, maker: Order, handle: int, book: Book, lots: int) -> Order | None:
        """
        Show a maker, of which the ladder gave *lots*, as it is now; None if it is filled.

        A filled maker is off the ladder; its end is the caller's to say.
        """
        left = maker.remaining_quantity - lots
        if not left:
            del book.resting[handle]
            del self._handles[maker.id]
            return None
        changed = self.partly_filled(maker, maker.filled_quantity + lots, left)
        book.resting[handle] = changed
        self._state.orders[maker.id] = changed
        return changed

    def replace(self, order: Order, book: Book) -> None:
        """Show an order, that stays in its place, as it is now."""
        self.reindex(order, book)
        self._state.orders[order.id] = order

    def index(self, orders: Iterable[Order], books: Mapping[str, Book]) -> None:
        """Put orders of the state on their ladders, as after a restart."""
        handles = self._handles
        for order in orders:
            token = order.symbol.token_id
            book = books[token]
            is_first = token == book.market.token_ids[0]
            handle = book.ladder.add(
                (order.side is _BUY) == is_first,
                order.price if is_first else PAYOUT - order.price,
                order.remaining_quantity,
                self.owner(order.user_id),
            )
            book.resting[handle] = order
            handles[order.id] = handle

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

    # -- money ---------------------------------------------------------------------------

    def freeze(self, order: Order) -> None:
        """Set aside what the remainder of *order* can still need."""
        if self._ledger is None:
            return
        left = order.remaining_quantity
        if order.side is _BUY:
            amount = order.price * left
            self._ledger.move(order.user_id, CASH, -amount, amount)
        else:
            self._ledger.move(order.user_id, order.symbol.token_id, -left, left)

    def release(self, order: Order) -> None:
        """Make what was set aside for the remainder of *order* available again."""
        if self._ledger is None:
            return
        left = order.remaining_quantity
        if order.side is _BUY:
            amount = order.price * left
            self._ledger.move(order.user_id, CASH, amount, -amount)
        else:
            self._ledger.move(order.user_id, order.symbol.token_id, left, -left)

    # -- changes -------------------------------------------------------------------------

    def partly_filled(self, order: Order, done: int, left: int) -> Order:
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
            self.next_version(order.user_id),
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

    def ended(
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
            self.next_version(order.user_id),
            done,
            left,
            now_ms,
            spent,
            reason,
        )

    # -- levels --------------------------------------------------------------------------

    def level_changed(
        self, book: Book, is_bid: bool, price: int, now_ms: int, facts: list[Change]
    ) -> None:
        """Tell one level as it is now: the frequent case of `levels_changed`."""
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

    def levels_changed(
        self,
        book: Book,
        bids: Sequence[int],
        asks: Sequence[int],
        now_ms: int,
        facts: list[Change],
    ) -> None:
        """Tell the levels at these prices as they are now."""
        update = book.updated(now_ms, bids, asks)
        self._state.updates[book.key] = update
        facts.append(update)
