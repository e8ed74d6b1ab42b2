"""What tokens turn out to be worth: single markets, and exclusive events as a whole; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.commands import Resolve, ResolveEvent
from pmengine.facts import Refusal
from pmengine.listing import Listing, is_resolved
from pmengine.records import Records
from pmstore import PAYOUT, Event, MarketState

Payouts = tuple[int, int]
"""What the two tokens of a market are worth, in ticks."""

_VOID: Payouts = (PAYOUT // 2, PAYOUT - PAYOUT // 2)


class Resolution:
    """Ends markets for good; their orders and holders are worked off by the listing."""

    def __init__(self, records: Records, listing: Listing) -> None:
        self._records = records
        self._listing = listing

    def resolve(self, command: Resolve, now_ms: i64) -> Refusal | None:
        """Say what the tokens of a market are worth; orders are cancelled and holders paid."""
        book = self._listing.find(command.event_id, command.market_id)
        if isinstance(book, Refusal):
            return book
        if self._records.events[command.event_id].exclusive:
            return Refusal.MALFORMED
        payouts = command.payouts
        if command.void == (payouts is not None):
            return Refusal.MALFORMED
        if payouts is None:
            payouts = _VOID
        elif not _is_whole(payouts):
            return Refusal.MALFORMED
        state = MarketState.VOID if command.void else MarketState.RESOLVED
        market = book.market
        if market.payouts is not None:
            same = market.state is state and market.payouts == payouts
            return None if same else Refusal.MARKET_CLOSED
        self._listing.close(command.event_id, market, now_ms, False, payouts, state)
        self._listing.work(now_ms)
        return None

    def resolve_event(self, command: ResolveEvent, now_ms: i64) -> Refusal | None:
        """Say what the tokens of an exclusive event are worth, of all of its markets at once."""
        event = self._records.events.get(command.event_id)
        if event is None:
            return Refusal.UNKNOWN_EVENT
        payouts = command.payouts
        if not event.exclusive or not event.markets or command.void == (payouts is not None):
            return Refusal.MALFORMED
        state = MarketState.VOID if command.void else MarketState.RESOLVED
        if is_resolved(event):
            return None if _is_same(event, state, payouts) else Refusal.MARKET_CLOSED
        if payouts is None:
            payouts = _void_payouts(event)
        elif not _is_answer(event, payouts):
            return Refusal.MALFORMED
        for market_id, market in list(event.markets.items()):
            self._listing.close(event.event_id, market, now_ms, False, payouts[market_id], state)
        self._listing.work(now_ms)
        return None


def _is_whole(payouts: Payouts) -> bool:
    return min(payouts) >= 0 and sum(payouts) == PAYOUT


def _is_answer(event: Event, payouts: dict[int, Payouts]) -> bool:
    """Whether *payouts* are of all markets of *event*, and exactly one is the answer in sum."""
    if payouts.keys() != event.markets.keys():
        return False
    if not all(map(_is_whole, payouts.values())):
        return False
    return sum([first for first, _ in payouts.values()]) == PAYOUT


def _is_same(event: Event, state: MarketState, payouts: dict[int, Payouts] | None) -> bool:
    """Whether the markets that are left of a resolved event were resolved like this."""
    for market_id, market in event.markets.items():
        if market.state is not state:
            return False
        if payouts is not None and payouts.get(market_id) != market.payouts:
            return False
    return True


def _void_payouts(event: Event) -> dict[int, Payouts]:
    """The same for the first token of every market; the rest goes to that of the lowest number."""
    share, rest = divmod(PAYOUT, len(event.markets))
    payouts = dict.fromkeys(event.markets, (share, PAYOUT - share))
    payouts[min(payouts)] = (share + rest, PAYOUT - share - rest)
    return payouts
