"""Events and markets: how they come, end, are resolved, worked off and leave; pure."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
from mypy_extensions import i64

from pmengine.commands import (
    AddOneEvent,
    AddOneMarket,
    NewMarket,
    RemoveOneEvent,
    RemoveOneMarket,
)
from pmengine.depths import Depths
from pmengine.entities import NEVER_MS, Book
from pmengine.facts import Refusal
from pmengine.journal import Journal
from pmengine.leaving import Leavings
from pmengine.ledger import Ledger
from pmengine.orders import OpenOrders, cancel_first
from pmengine.records import Records
from pmstore import (
    CASH,
    FEE_PPM_MAX,
    INTEGER_MAX,
    PAYOUT,
    Change,
    Event,
    EventAdded,
    EventChanged,
    EventRemoved,
    Fees,
    Market,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    MarketState,
    is_id,
)

EVENT_MARKETS_MAX: Final = 1000
MARKET_CLOSED: Final = b'"market_closed"'
"""The reason of an end by the end of the market."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Listing:
    """
    The markets there are, and the work that their ends leave behind.

    Ending a market can concern a million orders and holders: the first step closes it, the
    rest is worked off at most `step_max` orders or holders at a time.
    """

    def __init__(
        self,
        records: Records,
        journal: Journal,
        depths: Depths,
        orders: OpenOrders,
        leavings: Leavings,
        ledger: Ledger | None,
        step_max: int,
    ) -> None:
        self._records = records
        self._journal = journal
        self._depths = depths
        self._orders = orders
        self._leavings = leavings
        self._ledger = ledger
        self._step_max: i64 = step_max
        self._ends: list[tuple[int, int]] = []

    def index(self, event: Event) -> None:
        """
        Put an event into the records, with its books and its place among those that will end.

        Its markets become the records' own, which change in place: an event may have many.
        """
        self._records.events[event.event_id] = attrs.evolve(event, markets=dict(event.markets))
        for market in event.markets.values():
            self._records.open_book(event.event_id, market)
        if event.end_date_ms is not None:
            heapq.heappush(self._ends, (event.end_date_ms, event.event_id))
            self._records.is_due(event.end_date_ms)

    def add_event(self, command: AddOneEvent, now_ms: i64) -> Refusal | None:
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
        known = self._records.events.get(command.event_id)
        if known is not None:
            return None if _definition(known) == _definition(event) else Refusal.MALFORMED
        if not 0 < event.event_id <= INTEGER_MAX:
            return Refusal.MALFORMED
        if len(markets) > EVENT_MARKETS_MAX:
            return Refusal.MALFORMED
        tokens: set[str] = set()
        for market_id, new in command.markets.items():
            if not self._can_list(market_id, new, tokens):
                return Refusal.MALFORMED
        if end_date_ms is not None and end_date_ms <= now_ms:
            return Refusal.INVALID_EXPIRY
        self.index(event)
        self._journal.add(EventAdded(event))
        return None

    def add_market(self, command: AddOneMarket, now_ms: i64) -> Refusal | None:
        """List one more market of an event; the same once more changes nothing."""
        event = self._records.events.get(command.event_id)
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
        if event.exclusive and is_resolved(event):
            return Refusal.MARKET_CLOSED
        if self._is_fixed(event) or len(event.markets) >= EVENT_MARKETS_MAX:
            return Refusal.MALFORMED
        if not self._can_list(command.market_id, command.market, set()):
            return Refusal.MALFORMED
        self.set_market(event.event_id, market)
        self._records.open_book(event.event_id, market)
        self._journal.add(MarketAdded(event.event_id, market))
        return None

    def remove_event(self, command: RemoveOneEvent, now_ms: i64) -> Refusal | None:
        """End trading in all markets of an event; it leaves with the last of them."""
        event = self._records.events.get(command.event_id)
        if event is None:
            return Refusal.UNKNOWN_EVENT
        if event.removing:
            return None
        if not event.markets:
            self._drop_event(event)
            return None
        self._records.events[event.event_id] = attrs.evolve(event, removing=True)
        self._journal.add(EventChanged(event.event_id, True))
        for market in list(event.markets.values()):
            if not market.removing:
                self.close(event.event_id, market, now_ms, True)
        self.work(now_ms)
        return None

    def remove_market(self, command: RemoveOneMarket, now_ms: i64) -> Refusal | None:
        """End trading in a market; it leaves when nothing of it is outstanding."""
        market = self._find(command.event_id, command.market_id)
        if isinstance(market, Refusal):
            return market
        if not market.removing:
            event = self._records.events[command.event_id]
            if event.exclusive and is_resolved(event):
                return Refusal.MARKET_CLOSED
            if self._is_fixed(event):
                return Refusal.MALFORMED
            self.close(command.event_id, market, now_ms, True)
            self.work(now_ms)
        return None

    def next_end_ms(self) -> i64:
        """When the next event ends; beyond all time if none does."""
        ends = self._ends
        while ends:
            end_date_ms, event_id = ends[0]
            event = self._records.events.get(event_id)
            if event is not None and event.end_date_ms == end_date_ms:
                return end_date_ms
            heapq.heappop(ends)
        return NEVER_MS

    def end_next(self, now_ms: i64) -> None:
        """End trading in the event of which `next_end_ms` told; its orders are left for `work`."""
        _, event_id = heapq.heappop(self._ends)
        for market in list(self._records.events[event_id].markets.values()):
            if market.state is MarketState.OPEN or market.state is MarketState.PAUSED:
                self.close(event_id, market, now_ms, False)

    def follow(self, fact: Change) -> None:
        """Let the records show an event or a market as another engine's *fact* says it is."""
        records = self._records
        if isinstance(fact, EventAdded):
            self.index(fact.event)
        elif isinstance(fact, EventChanged):
            event = records.events[fact.event_id]
            records.events[fact.event_id] = attrs.evolve(event, removing=fact.removing)
        elif isinstance(fact, EventRemoved):
            records.events.pop(fact.event_id, None)
        elif isinstance(fact, MarketAdded):
            self.set_market(fact.event_id, fact.market)
            records.open_book(fact.event_id, fact.market)
        elif isinstance(fact, MarketRemoved):
            self._drop_market(fact.event_id, fact.market_id)
        elif isinstance(fact, MarketChanged):
            market = attrs.evolve(
                records.events[fact.event_id].markets[fact.market_id],
                state=fact.state,
                removing=fact.removing,
                payouts=fact.payouts,
            )
            book = records.tokens[market.token_ids[0]].book
            book.set_market(market)
            self.set_market(fact.event_id, market)
            if fact.working:
                records.work[book.key] = None
            else:
                records.work.pop(book.key, None)

    def work(self, now_ms: i64) -> None:
        """Do one step of the work left over, the oldest first."""
        self.work_on(self._step_max, now_ms)

    def work_on(self, steps: i64, now_ms: i64) -> i64:
        """Do up to *steps* of the work left over, the oldest first; the steps still to do."""
        records = self._records
        while steps > 0 and records.work:
            item = next(iter(records.work))
            leaving = records.work[item]
            if leaving is not None:
                steps = self._leavings.work_off(leaving, steps, now_ms)
                continue
            assert isinstance(item, tuple)
            event_id, market_id = item
            market = records.events[event_id].markets[market_id]
            book = records.tokens[market.token_ids[0]].book
            steps = self._work_off(market, book, steps, now_ms)
            if not self._is_work(market, book):
                del records.work[book.key]
                self._changed(event_id, market)
                self.let_go(event_id, market_id)
                steps -= 1  # an event has a thousand markets: ending one is work too
        return steps

    def _work_off(self, market: Market, book: Book, steps: i64, now_ms: i64) -> i64:
        """Cancel orders, then pay holders, up to *steps* of them; the steps still to do."""
        ladder = book.ladder
        while steps > 0 and len(ladder):
            cancel_first(self._orders, book, ladder.best(True) != 0, now_ms, MARKET_CLOSED)
            steps -= 1
        payouts = market.payouts
        if payouts is not None and self._ledger is not None:
            for name, payout in zip(market.token_ids, payouts, strict=True):
                if steps > 0:
                    steps -= self._ledger.pay_out(self._records.asset(name), payout, steps)
        return steps

    def let_go(self, event_id: int, market_id: int) -> None:
        """Drop a market that is being removed once nothing of it is left."""
        event = self._records.events[event_id]
        market = event.markets[market_id]
        if event.exclusive and event.removing and market.payouts is None:
            self.let_go_together(event_id)
        elif self._is_done(event_id, market):
            self._drop_market(event_id, market_id)
            self._journal.add(MarketRemoved(event_id, market_id))
            if event.removing and not event.markets:
                self._drop_event(event)

    def let_go_together(self, event_id: int) -> None:
        """
        Drop an exclusive event that is being removed once nothing of all its markets is left.

        A second token is worth the first tokens of the other markets: none leaves before.
        """
        event = self._records.events[event_id]
        if not event.removing:
            return
        for market in reversed(event.markets.values()):  # the last one is worked off last
            if not self._is_done(event_id, market):
                return
        for market_id in list(event.markets):
            self._drop_market(event_id, market_id)
            self._journal.add(MarketRemoved(event_id, market_id))
        self._drop_event(event)

    def _is_done(self, event_id: int, market: Market) -> bool:
        """Whether a market is being removed, and nothing of it is left."""
        if not market.removing or (event_id, market.market_id) in self._records.work:
            return False
        return not self._has_holders(market)

    def _drop_market(self, event_id: int, market_id: int) -> None:
        records = self._records
        event = records.events[event_id]
        records.drop_book(event.markets.pop(market_id))
        records.work.pop((event_id, market_id), None)

    def find(self, event_id: int, market_id: int) -> Book | Refusal:
        """The book of a market, or why there is none."""
        market = self._find(event_id, market_id)
        if isinstance(market, Refusal):
            return market
        return self._records.tokens[market.token_ids[0]].book

    def set_market(self, event_id: int, market: Market) -> None:
        """Let an event of the records show one of its markets as it is now."""
        self._records.events[event_id].markets[market.market_id] = market

    def _find(self, event_id: int, market_id: int) -> Market | Refusal:
        event = self._records.events.get(event_id)
        if event is None:
            return Refusal.UNKNOWN_EVENT
        return event.markets.get(market_id, Refusal.UNKNOWN_MARKET)

    def close(
        self,
        event_id: int,
        market: Market,
        now_ms: i64,
        removing: bool,
        payouts: tuple[int, int] | None = None,
        answered: MarketState = MarketState.RESOLVED,
    ) -> None:
        """
        Let nothing trade any more; orders and holders are left for `work`.

        With *payouts* the market is *answered*, so or as void.
        """
        state = market.state
        if payouts is not None:
            state = answered
        elif state is MarketState.OPEN or state is MarketState.PAUSED:
            state = MarketState.CLOSED
        closed = attrs.evolve(
            market,
            state=state,
            removing=market.removing or removing,
            payouts=payouts or market.payouts,
        )
        book = self._records.tokens[market.token_ids[0]].book
        was_shown = book.is_shown
        book.set_market(closed)
        self.set_market(event_id, closed)
        if self._is_work(closed, book):
            self._records.work[book.key] = None
        else:
            self._records.work.pop(book.key, None)
        self._changed(event_id, closed)
        if was_shown:
            self._depths.closed(book, now_ms)
        if book.key not in self._records.work:
            self.let_go(event_id, market.market_id)

    def set_state(self, book: Book, state: MarketState) -> None:
        """Pause or open a market that has not ended."""
        market = attrs.evolve(book.market, state=state)
        book.set_market(market)
        self.set_market(book.event_id, market)
        self._changed(book.event_id, market)

    def _is_work(self, market: Market, book: Book) -> bool:
        if book.open_orders:
            return True  # those that are leaving end before it, and are waited for
        paying = market.payouts is not None and self._ledger is not None
        return paying and self._has_holders(market)

    def _is_fixed(self, event: Event) -> bool:
        """Whether an exclusive event has tokens outstanding: its markets stay as they are."""
        return event.exclusive and any(map(self._has_holders, event.markets.values()))

    def _has_holders(self, market: Market) -> bool:
        first, second = market.token_ids
        return bool(self._records.asset(first).rows or self._records.asset(second).rows)

    def _changed(self, event_id: int, market: Market) -> None:
        self._journal.add(
            MarketChanged(
                event_id,
                market.market_id,
                market.state,
                market.removing,
                market.payouts,
                (event_id, market.market_id) in self._records.work,
            )
        )

    def _drop_event(self, event: Event) -> None:
        del self._records.events[event.event_id]
        self._journal.add(EventRemoved(event.event_id))

    def _can_list(self, market_id: int, new: NewMarket, taken: set[str]) -> bool:
        """Whether a market is well-formed and its tokens are free; they join *taken*."""
        for token in new.token_ids:
            listed = token in self._records.tokens or token in taken
            # Stores of several shards keep the cash of one as `cash@` and its number.
            is_cash = token == CASH or token.startswith(f"{CASH}@")
            if not is_id(token) or is_cash or listed:
                return False
            taken.add(token)
        fees = new.fees
        if fees is not None:
            rates = (fees.maker_ppm, fees.taker_ppm)
            if min(rates) < 0 or max(rates) > FEE_PPM_MAX:
                return False
        ids = 0 < market_id <= INTEGER_MAX and new.id in (None, market_id)
        return ids and 0 < new.tick_size <= PAYOUT and PAYOUT % new.tick_size == 0


def is_resolved(event: Event) -> bool:
    """Whether an exclusive event was resolved: all of its markets are, or none."""
    for market in event.markets.values():
        return market.payouts is not None
    return False


def _market(market_id: int, new: NewMarket) -> Market:
    fees = new.fees
    return Market(
        market_id=market_id,
        token_ids=new.token_ids,
        outcomes=new.outcomes,
        tick_size=new.tick_size,
        fees=None if fees is None else Fees(fees.kind, fees.maker_ppm, fees.taker_ppm),
    )


def _market_definition(market: Market) -> tuple[object, ...]:
    return (market.market_id, market.token_ids, market.outcomes, market.tick_size, market.fees)


def _definition(event: Event) -> tuple[object, ...]:
    """What a repeated `AddOneEvent` must say again to be the same."""
    markets = sorted(event.markets.values(), key=lambda market: market.market_id)
    definitions = tuple([_market_definition(market) for market in markets])
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
