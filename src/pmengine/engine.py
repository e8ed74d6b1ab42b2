"""The engine: all markets as one deterministic state machine; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from pmengine.book import Book
from pmengine.commands import (
    AddOneEvent,
    AddOneMarket,
    AmendOrder,
    CancelOrder,
    Command,
    Deposit,
    Merge,
    RemoveOneEvent,
    RemoveOneMarket,
    Resolve,
    ResumeAllEvents,
    Split,
    StopAllEvents,
    SubmitOrder,
    Tick,
    Withdraw,
)
from pmengine.facts import Outcome, Refusal
from pmengine.identity import (
    Identity,
    identify_cash,
    identify_change,
    identify_nobody,
    identify_order,
    identify_pairs,
)
from pmengine.ledger import Ledger
from pmengine.listing import Listing
from pmengine.matching import Ladder, LadderContract
from pmengine.orders import OpenOrders
from pmengine.taking import Taking
from pmengine.trading import Trading
from pmstore import (
    ACCEPTED,
    CASH,
    MONEY_MAX,
    PAYOUT,
    QUANTITY_MAX,
    Change,
    Content,
    Counters,
    EventAdded,
    EventRemoved,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    MarketState,
    MarketUpdateId,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderType,
    OrderUpdated,
    Paused,
    Remembered,
    SelfTrade,
    Snapshot,
    State,
    TimeInForce,
)

STEP_MAX: Final = 1000
ID_MEMORY_S: Final = 86_400

_Handler = Callable[[Any, int, list[Change]], Refusal | None]


class Engine:
    """
    Takes commands, gives facts. One task owns it; nothing in it waits, reads or writes.

    Times are epoch milliseconds and come with the command; engine time never goes back.

    Args:
        shard: 0..1023, the low part of every order number and trade id.
        ledger: Whether money and tokens are kept here; without, only matching happens.
        id_memory_s: How long an outcome is remembered after its order or command ended.
        step_max: How many orders or holders one step of left-over work concerns.
        self_trade: The self-trade mode of orders that name none.
        new_ladder: Makes the ladder of a market.
    """

    def __init__(
        self,
        *,
        shard: int = 0,
        ledger: bool = True,
        id_memory_s: int = ID_MEMORY_S,
        step_max: int = STEP_MAX,
        self_trade: SelfTrade = SelfTrade.CANCEL_TAKER,
        new_ladder: Callable[[], LadderContract] = Ladder,
        state: State | None = None,
    ) -> None:
        self.state = State(id_memory_s=id_memory_s) if state is None else state
        self.books: dict[str, Book] = {}
        """The book of each token; both tokens of a market have the same one."""
        self.ledger = Ledger(self.state) if ledger else None
        self._orders = OpenOrders(self.state, self.ledger, shard)
        taking = Taking(self._orders, self.ledger)
        trading = Trading(self.state, self.books, self._orders, taking, self.ledger, self_trade)
        self._listing = Listing(
            self.state,
            self.books,
            taking,
            self.ledger,
            new_ladder=new_ladder,
            step_max=step_max,
        )
        self._handlers: dict[type, _Handler] = {
            SubmitOrder: trading.submit,
            CancelOrder: trading.cancel,
            AmendOrder: trading.amend,
            Deposit: self._deposit,
            Withdraw: self._withdraw,
            Split: self._split,
            Merge: self._merge,
            AddOneEvent: self._listing.add_event,
            AddOneMarket: self._listing.add_market,
            RemoveOneEvent: self._listing.remove_event,
            RemoveOneMarket: self._listing.remove_market,
            Resolve: self._listing.resolve,
            StopAllEvents: self._pause,
            ResumeAllEvents: self._resume,
        }
        self._identifiers: dict[type, tuple[str, Callable[[Any], Identity]]] = {
            kind: (kind.__name__, _IDENTIFY.get(kind, identify_nobody)) for kind in self._handlers
        }
        for event in self.state.events.values():
            self._listing.index(event)
        self._orders.index(self.state.orders.values(), self.books)
        for key, update in self.state.updates.items():
            book = self._listing.find(*key)
            if isinstance(book, Book):
                book.update_id, book.last_price = update.update_id, update.last_price

    @classmethod
    def restore(cls, snapshot: Snapshot, **options: Any) -> Engine:
        """The engine that *snapshot* is a picture of, with the *options* of the constructor."""
        id_memory_s = options.get("id_memory_s", ID_MEMORY_S)
        return cls(**options, state=State.restore(snapshot, id_memory_s=id_memory_s))

    def handle(self, command: Command, time_ms: int) -> Outcome:
        """
        Do what is due by *time_ms*, then *command*.

        Never raises for what a command says: a refusal is part of the outcome.
        """
        facts: list[Change] = []
        refusal = self.handle_into(command, time_ms, facts)
        return Outcome(facts, refusal)

    def handle_batch(self, commands: Iterable[Command], time_ms: int) -> list[Change]:
        """The facts of *commands*, taken one after the other at one time."""
        facts: list[Change] = []
        for command in commands:
            self.handle_into(command, time_ms, facts)
        return facts

    def apply(self, facts: Iterable[Change]) -> None:
        """Follow *facts* that another engine made, as a standby does."""
        for fact in facts:
            self._apply(fact)

    def snapshot(self, timestamp: int) -> Snapshot:
        """A picture of the state, taken at *timestamp*."""
        return self.state.freeze(timestamp)

    def state_digest(self) -> str:
        """SHA-256 in hex of everything that can change a later answer."""
        return self.state.digest()

    def due_ms(self) -> int:
        """
        When something is due next; in the past while work is left over.

        While it is not in the future, the leader appends a `Tick` to its own input.
        """
        return 0 if self.state.work else self._listing.next_end_ms

    def handle_into(self, command: Command, time_ms: int, facts: list[Change]) -> Refusal | None:
        """As `handle`, with the facts added to *facts*: for batches over many entries."""
        state = self.state
        if time_ms > state.time_ms:
            state.time_ms = time_ms
        now_ms = state.time_ms
        if self.ledger is not None:
            self.ledger.record_to(facts)
        ended = state.ended
        if ended and ended[0][0] <= now_ms - state.id_memory_ms:
            state.forget(now_ms)
            facts.append(Counters(now_ms, state.deposited))
        if now_ms >= self._listing.next_end_ms:
            self._listing.expire(now_ms, facts)
        if state.work:
            self._listing.work(now_ms, facts)

        kind = type(command)
        if kind is Tick:
            return None
        name, identify = self._identifiers[kind]
        user_id, own_id, order_id, content = identify(command)
        if own_id is None:
            facts.append(
                Remembered("", name, "", "INVALID_ID", "", now_ms, (), command.correlation_id, True)
            )
            return Refusal.INVALID_ID
        key = (user_id, name, own_id)
        if own_id:
            known = state.memories.get(key)
            if known is not None:
                return self._repeat(known, content, command.correlation_id, now_ms, facts)
        refusal = None
        if command.valid_until_ms is not None:
            refusal = self._too_late(command.valid_until_ms, now_ms)
        if refusal is None:
            refusal = self._handlers[kind](command, now_ms, facts)
        outcome = ACCEPTED if refusal is None else refusal.name
        answer = Remembered(
            user_id, name, own_id, outcome, order_id, now_ms, content, command.correlation_id
        )
        facts.append(answer)
        if own_id:
            state.memories[key] = answer
            if refusal is None and kind is SubmitOrder:
                state.order_ids.add(order_id)
                if order_id in state.orders:
                    return None
            state.ended.append((now_ms, key))
        return refusal

    def _repeat(
        self,
        known: Remembered,
        content: Content,
        correlation_id: str,
        now_ms: int,
        facts: list[Change],
    ) -> Refusal | None:
        """Answer an id that was used before; nothing is done."""
        same = known.content == content
        outcome = known.outcome if same else Refusal.ID_REUSED.name
        facts.append(
            Remembered(
                known.user_id,
                known.kind,
                known.id,
                outcome,
                known.order_id if same else "",
                now_ms,
                (),
                correlation_id,
                True,
            )
        )
        return None if outcome == ACCEPTED else Refusal[outcome]

    def _too_late(self, valid_until_ms: int, now_ms: int) -> Refusal | None:
        if now_ms > valid_until_ms:
            return Refusal.TOO_LATE
        if valid_until_ms >= now_ms + self.state.id_memory_ms:
            return Refusal.INVALID_EXPIRY  # its id would be forgotten before it is too late
        return None

    # -- money ---------------------------------------------------------------------------

    def _deposit(self, command: Deposit, now_ms: int, facts: list[Change]) -> Refusal | None:
        if self.ledger is None:
            return Refusal.MALFORMED
        if not 1 <= command.amount <= MONEY_MAX - self.state.deposited:
            return Refusal.INVALID_VOLUME
        self._move_cash(command.user_id, command.amount, now_ms, facts)
        return None

    def _withdraw(self, command: Withdraw, now_ms: int, facts: list[Change]) -> Refusal | None:
        if self.ledger is None:
            return Refusal.MALFORMED
        if not 1 <= command.amount <= MONEY_MAX:
            return Refusal.INVALID_VOLUME
        if self.ledger.available(command.user_id, CASH) < command.amount:
            return Refusal.INSUFFICIENT_BALANCE
        self._move_cash(command.user_id, -command.amount, now_ms, facts)
        return None

    def _move_cash(self, user_id: str, amount: int, now_ms: int, facts: list[Change]) -> None:
        assert self.ledger is not None
        self.ledger.move(user_id, CASH, amount, 0)
        self.state.deposited += amount
        facts.append(Counters(now_ms, self.state.deposited))

    def _split(self, command: Split, now_ms: int, facts: list[Change]) -> Refusal | None:
        book = self._listing.find(command.event_id, command.market_id)
        if isinstance(book, Refusal):
            return book
        if self.ledger is None:
            return Refusal.MALFORMED
        if not book.is_open:
            return Refusal.MARKET_CLOSED
        if not 1 <= command.quantity <= QUANTITY_MAX:
            return Refusal.INVALID_QUANTITY
        if self.ledger.available(command.user_id, CASH) < PAYOUT * command.quantity:
            return Refusal.INSUFFICIENT_BALANCE
        self.ledger.split(command.user_id, book.market.token_ids, command.quantity)
        return None

    def _merge(self, command: Merge, now_ms: int, facts: list[Change]) -> Refusal | None:
        book = self._listing.find(command.event_id, command.market_id)
        if isinstance(book, Refusal):
            return book
        if self.ledger is None:
            return Refusal.MALFORMED
        if book.market.state is MarketState.RESOLVED:
            return Refusal.MARKET_CLOSED
        if not 1 <= command.quantity <= QUANTITY_MAX:
            return Refusal.INVALID_QUANTITY
        tokens = book.market.token_ids
        if any(self.ledger.available(command.user_id, t) < command.quantity for t in tokens):
            return Refusal.INSUFFICIENT_BALANCE
        self.ledger.merge(command.user_id, tokens, command.quantity)
        self._listing.let_go(command.event_id, command.market_id, facts)
        return None

    # -- everything at once --------------------------------------------------------------

    def _pause(self, command: StopAllEvents, now_ms: int, facts: list[Change]) -> None:
        self._set_paused(True, facts)

    def _resume(self, command: ResumeAllEvents, now_ms: int, facts: list[Change]) -> None:
        self._set_paused(False, facts)

    def _set_paused(self, paused: bool, facts: list[Change]) -> None:
        if self.state.paused != paused:
            self.state.paused = paused
            facts.append(Paused(paused))

    # -- following -----------------------------------------------------------------------

    def _apply(self, fact: Change) -> None:
        """Fold *fact* into the state, and keep the books what they are an index of."""
        state = self.state
        gone = None
        if isinstance(fact, OrderUpdated | OrderFilled | OrderCancelled):
            order_id = fact.order.id if isinstance(fact, OrderUpdated) else fact.order_id
            gone = state.orders.get(order_id)
        elif isinstance(fact, MarketRemoved):
            event = state.events.get(fact.event_id)
            market = None if event is None else event.markets.get(fact.market_id)
            if market is not None:
                self._listing.unindex_market(market)
        elif isinstance(fact, EventRemoved) and fact.event_id in state.events:
            for market in state.events[fact.event_id].markets.values():
                self._listing.unindex_market(market)
        state.apply(fact)
        if isinstance(fact, OrderCreated | OrderUpdated):
            order = fact.order
            book = self.books[order.symbol.token_id]
            if gone is not None and gone.order_num == order.order_num:
                self._orders.reindex(order, book)
                return
            if gone is not None:
                self._orders.unindex(gone, book)
            if order.order_type is OrderType.LIMIT and order.time_in_force is not TimeInForce.IOC:
                self._orders.index([order], self.books)
        elif gone is not None:
            self._orders.unindex(gone, self.books[gone.symbol.token_id])
        elif isinstance(fact, EventAdded):
            self._listing.index(fact.event)
        elif isinstance(fact, MarketAdded | MarketChanged):
            market_id = fact.market.market_id if isinstance(fact, MarketAdded) else fact.market_id
            market = state.events[fact.event_id].markets[market_id]
            self._listing.index_market(fact.event_id, market)
        elif isinstance(fact, MarketUpdateId):
            book_found = self._listing.find(fact.event_id, fact.market_id)
            if isinstance(book_found, Book):
                book_found.update_id = fact.update_id
                book_found.last_price = fact.last_price


_IDENTIFY: Final[dict[type, Callable[[Any], Identity]]] = {
    SubmitOrder: identify_order,
    CancelOrder: identify_change,
    AmendOrder: identify_change,
    Deposit: identify_cash,
    Withdraw: identify_cash,
    Split: identify_pairs,
    Merge: identify_pairs,
}
