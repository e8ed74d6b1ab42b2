"""Events and markets: how they come, end, are resolved, worked off and leave; pure."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from pmengine.book import Book
from pmengine.commands import (
    AddOneEvent,
    AddOneMarket,
    NewMarket,
    RemoveOneEvent,
    RemoveOneMarket,
    Resolve,
)
from pmengine.facts import Refusal
from pmengine.ledger import Ledger
from pmengine.matching import LadderContract
from pmengine.taking import Taking
from pmstore import (
    CASH,
    INTEGER_MAX,
    PAYOUT,
    Change,
    Event,
    EventAdded,
    EventChanged,
    EventRemoved,
    Market,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    MarketState,
    State,
    is_id,
)

EVENT_MARKETS_MAX: Final = 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Listing:
    """
    The markets there are, and the work that their ends leave behind.

    Ending a market can concern a million orders and holders: the first step closes it, the
    rest is worked off at most `step_max` orders or holders at a time.
    """

    def __init__(
        self,
        state: State,
        books: dict[str, Book],
        taking: Taking,
        ledger: Ledger | None,
        *,
        new_ladder: Callable[[], LadderContract],
        step_max: int,
    ) -> None:
        self._state = state
        self._books = books
        self._taking = taking
        self._ledger = ledger
        self._new_ladder = new_ladder
        self._step_max = step_max
        self._ends: list[tuple[int, int]] = []
        self.next_end_ms = INTEGER_MAX
        """When the next event ends; beyond all time if none does."""

    def index(self, event: Event) -> None:
        """Give an event of the state its books and its place among those that will end."""
        for market in event.markets.values():
            self._open_book(event.event_id, market)
        if event.end_date_ms is not None:
            heapq.heappush(self._ends, (event.end_date_ms, event.event_id))
            self.next_end_ms = self._ends[0][0]

    def index_market(self, event_id: int, market: Market) -> None:
        """Let the books show a market as it is now."""
        book = self._books.get(market.token_ids[0])
        if book is None:
            self._open_book(event_id, market)
        else:
            book.market = market

    def unindex_market(self, market: Market) -> None:
        """Forget the book of a market that left the state."""
        for token in market.token_ids:
            self._books.pop(token, None)

    def add_event(self, command: AddOneEvent, now_ms: int, facts: list[Change]) -> Refusal | None:
        """List an event; the same once more changes nothing."""
        end_date_ms = None
        if command.end_date is not None:
            end_date_ms = _epoch_ms(command.end_date)
            if end_date_ms is None:
                return Refusal.INVALID_EXPIRY
        markets = {market_id: _market(market_id, new) for market_id, new in command.markets.items()}
        event = Event(
            event_id=command.event_id,
            markets=markets,
            end_date_ms=end_date_ms,
            exclusive=command.exclusive,
        )
        known = self._state.events.get(command.event_id)
        if known is not None:
            return None if _definition(known) == _definition(event) else Refusal.MALFORMED
        if event.exclusive or not 0 < event.event_id <= INTEGER_MAX:
            return Refusal.MALFORMED
        if len(markets) > EVENT_MARKETS_MAX:
            return Refusal.MALFORMED
        tokens: set[str] = set()
        for market_id, new in command.markets.items():
            if not self._can_list(market_id, new, tokens):
                return Refusal.MALFORMED
        if end_date_ms is not None and end_date_ms <= now_ms:
            return Refusal.INVALID_EXPIRY
        self._state.events[event.event_id] = event
        self.index(event)
        facts.append(EventAdded(event))
        return None

    def add_market(self, command: AddOneMarket, now_ms: int, facts: list[Change]) -> Refusal | None:
        """List one more market of an event; the same once more changes nothing."""
        event = self._state.events.get(command.event_id)
        if event is None:
            return Refusal.UNKNOWN_EVENT
        market = _market(command.market_id, command.market)
        known = event.markets.get(command.market_id)
        if known is not None:
            same = _market_definition(known) == _market_definition(market)
            return None if same else Refusal.MALFORMED
        if event.removing:
            return Refusal.MARKET_CLOSED
        if event.end_date_ms is not None and event.end_date_ms <= now_ms:
            return Refusal.EVENT_EXPIRED
        if len(event.markets) >= EVENT_MARKETS_MAX:
            return Refusal.MALFORMED
        if not self._can_list(command.market_id, command.market, set()):
            return Refusal.MALFORMED
        self._set_market(event, market)
        self._open_book(event.event_id, market)
        facts.append(MarketAdded(event.event_id, market))
        return None

    def remove_event(
        self, command: RemoveOneEvent, now_ms: int, facts: list[Change]
    ) -> Refusal | None:
        """End trading in all markets of an event; it leaves with the last of them."""
        event = self._state.events.get(command.event_id)
        if event is None:
            return Refusal.UNKNOWN_EVENT
        if event.removing:
            return None
        if not event.markets:
            self._drop_event(event, facts)
            return None
        self._state.events[event.event_id] = attrs.evolve(event, removing=True)
        facts.append(EventChanged(event.event_id, True))
        for market in list(event.markets.values()):
            if not market.removing:
                self._close(event.event_id, market, now_ms, facts, removing=True)
        self.work(now_ms, facts)
        return None

    def remove_market(
        self, command: RemoveOneMarket, now_ms: int, facts: list[Change]
    ) -> Refusal | None:
        """End trading in a market; it leaves when nothing of it is outstanding."""
        market = self._find(command.event_id, command.market_id)
        if isinstance(market, Refusal):
            return market
        if not market.removing:
            self._close(command.event_id, market, now_ms, facts, removing=True)
            self.work(now_ms, facts)
        return None

    def resolve(self, command: Resolve, now_ms: int, facts: list[Change]) -> Refusal | None:
        """Say what the tokens of a market are worth; orders are cancelled and holders paid."""
        market = self._find(command.event_id, command.market_id)
        if isinstance(market, Refusal):
            return market
        payouts = command.payouts
        if min(payouts) < 0 or sum(payouts) != PAYOUT:
            return Refusal.MALFORMED
        if market.state is MarketState.RESOLVED:
            return None if market.payouts == payouts else Refusal.MARKET_CLOSED
        self._close(command.event_id, market, now_ms, facts, payouts=payouts)
        self.work(now_ms, facts)
        return None

    def expire(self, now_ms: int, facts: list[Change]) -> None:
        """
        End trading in the events whose end date has come, the earliest first.

        Their orders are left for `work`, which the engine does next.
        """
        while self._ends and self._ends[0][0] <= now_ms:
            end_date_ms, event_id = heapq.heappop(self._ends)
            event = self._state.events.get(event_id)
            if event is None or event.end_date_ms != end_date_ms:
                continue
            for market in list(event.markets.values()):
                if market.state is MarketState.OPEN:
                    self._close(event_id, market, now_ms, facts)
        self.next_end_ms = self._ends[0][0] if self._ends else INTEGER_MAX

    def work(self, now_ms: int, facts: list[Change]) -> None:
        """Do one step of the work left over, the oldest first."""
        steps = self._step_max
        while steps > 0 and self._state.work:
            event_id, market_id = next(iter(self._state.work))
            market = self._state.events[event_id].markets[market_id]
            book = self._books[market.token_ids[0]]
            steps = self._work_off(market, book, steps, now_ms, facts)
            if not self._is_work(market, book):
                del self._state.work[book.key]
                self._changed(event_id, market, facts)
                self.let_go(event_id, market_id, facts)
                steps -= 1  # an event has a thousand markets: ending one is work too

    def _work_off(
        self, market: Market, book: Book, steps: int, now_ms: int, facts: list[Change]
    ) -> int:
        """Cancel orders, then pay holders, up to *steps* of them; the steps still to do."""
        ladder = book.ladder
        while steps and len(ladder):
            handle = ladder.first(ladder.best(True) != 0)
            self._taking.cancel(book.resting[handle], book, now_ms, facts, "market_closed")
            steps -= 1
        if market.state is MarketState.RESOLVED and self._ledger is not None:
            assert market.payouts is not None
            for token, payout in zip(market.token_ids, market.payouts, strict=True):
                if steps:
                    steps -= self._ledger.pay_out(token, payout, steps)
        return steps

    def let_go(self, event_id: int, market_id: int, facts: list[Change]) -> None:
        """Drop a market that is being removed once nothing of it is left."""
        event = self._state.events[event_id]
        market = event.markets[market_id]
        if (
            not market.removing
            or (event_id, market_id) in self._state.work
            or self._state.has_holders(market)
        ):
            return
        markets = {key: value for key, value in event.markets.items() if key != market_id}
        event = attrs.evolve(event, markets=markets)
        self._state.events[event_id] = event
        self._state.updates.pop((event_id, market_id), None)
        self.unindex_market(market)
        facts.append(MarketRemoved(event_id, market_id))
        if event.removing and not markets:
            self._drop_event(event, facts)

    def find(self, event_id: int, market_id: int) -> Book | Refusal:
        """The book of a market, or why there is none."""
        market = self._find(event_id, market_id)
        return market if isinstance(market, Refusal) else self._books[market.token_ids[0]]

    def _find(self, event_id: int, market_id: int) -> Market | Refusal:
        event = self._state.events.get(event_id)
        if event is None:
            return Refusal.UNKNOWN_EVENT
        return event.markets.get(market_id, Refusal.UNKNOWN_MARKET)

    def _close(
        self,
        event_id: int,
        market: Market,
        now_ms: int,
        facts: list[Change],
        *,
        removing: bool = False,
        payouts: tuple[int, int] | None = None,
    ) -> None:
        """Let nothing trade any more; orders and holders are left for `work`."""
        state = market.state
        if payouts is not None:
            state = MarketState.RESOLVED
        elif state is MarketState.OPEN:
            state = MarketState.CLOSED
        closed = attrs.evolve(
            market,
            state=state,
            removing=market.removing or removing,
            payouts=payouts or market.payouts,
        )
        book = self._books[market.token_ids[0]]
        was_open = book.is_open
        book.market = closed
        self._set_market(self._state.events[event_id], closed)
        if self._is_work(closed, book):
            self._state.work[book.key] = None
        else:
            self._state.work.pop(book.key, None)
        self._changed(event_id, closed, facts)
        if was_open and len(book.ladder):
            update = book.updated(now_ms, (), (), True)
            self._state.updates[book.key] = update
            facts.append(update)
        if book.key not in self._state.work:
            self.let_go(event_id, market.market_id, facts)

    def _is_work(self, market: Market, book: Book) -> bool:
        if len(book.ladder):
            return True
        paying = market.state is MarketState.RESOLVED and self._ledger is not None
        return paying and self._state.has_holders(market)

    def _changed(self, event_id: int, market: Market, facts: list[Change]) -> None:
        facts.append(
            MarketChanged(
                event_id,
                market.market_id,
                market.state,
                market.removing,
                market.payouts,
                (event_id, market.market_id) in self._state.work,
            )
        )

    def _drop_event(self, event: Event, facts: list[Change]) -> None:
        del self._state.events[event.event_id]
        facts.append(EventRemoved(event.event_id))

    def _set_market(self, event: Event, market: Market) -> None:
        markets = event.markets | {market.market_id: market}
        self._state.events[event.event_id] = attrs.evolve(event, markets=markets)

    def _open_book(self, event_id: int, market: Market) -> None:
        book = Book(event_id, market, self._new_ladder)
        for token in market.token_ids:
            self._books[token] = book

    def _can_list(self, market_id: int, new: NewMarket, taken: set[str]) -> bool:
        """Whether a market is well-formed and its tokens are free; they join *taken*."""
        for token in new.token_ids:
            if not is_id(token) or token == CASH or token in self._books or token in taken:
                return False
            taken.add(token)
        ids = 0 < market_id <= INTEGER_MAX and new.id in (None, market_id)
        return ids and 0 < new.tick_size <= PAYOUT and PAYOUT % new.tick_size == 0


def _market(market_id: int, new: NewMarket) -> Market:
    return Market(
        market_id=market_id,
        token_ids=new.token_ids,
        outcomes=new.outcomes,
        tick_size=new.tick_size,
    )


def _market_definition(market: Market) -> tuple[object, ...]:
    return (market.market_id, market.token_ids, market.outcomes, market.tick_size)


def _definition(event: Event) -> tuple[object, ...]:
    """What a repeated `AddOneEvent` must say again to be the same."""
    markets = sorted(event.markets.values(), key=lambda market: market.market_id)
    definitions = tuple(_market_definition(market) for market in markets)
    return (event.event_id, event.end_date_ms, event.exclusive, definitions)


def _epoch_ms(text: str) -> int | None:
    """RFC 3339 text with an offset as epoch milliseconds, None if it is not that."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return (moment - _EPOCH) // timedelta(milliseconds=1)
