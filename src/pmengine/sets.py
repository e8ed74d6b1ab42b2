"""Tokens of an exclusive event as a whole: sets of all first tokens, and conversions; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.commands import Convert, MergeEvent, SplitEvent
from pmengine.entities import Asset, User
from pmengine.facts import Refusal
from pmengine.ledger import Ledger
from pmengine.listing import Listing, is_resolved
from pmengine.records import Records
from pmstore import PAYOUT, QUANTITY_MAX, Event


class Sets:
    """
    Changes tokens of all markets of an exclusive event at once; *ledger* None: nothing.

    At most one of its markets is answered with Yes. So the first tokens of all markets are
    together worth one payout, and the second token of a market as much as the first tokens
    of all others.
    """

    def __init__(self, records: Records, ledger: Ledger | None, listing: Listing) -> None:
        self._records = records
        self._ledger = ledger
        self._listing = listing

    def split(self, command: SplitEvent, user: User) -> Refusal | None:
        """Cash into the first token of every market."""
        event = self._find(command.event_id, command.quantity)
        if isinstance(event, Refusal):
            return event
        ledger = self._ledger
        if ledger is None or not event.markets:
            return Refusal.MALFORMED
        for market in event.markets.values():
            if not self._records.tokens[market.token_ids[0]].book.is_shown:
                return Refusal.MARKET_CLOSED
        cash = self._records.cash
        quantity: i64 = command.quantity
        if ledger.available(user, cash) < PAYOUT * quantity:
            return Refusal.INSUFFICIENT_BALANCE
        ledger.move(user, cash, -PAYOUT * quantity, 0)
        for asset in self._assets(event, 0):
            ledger.move(user, asset, quantity, 0)
        return None

    def merge(self, command: MergeEvent, user: User) -> Refusal | None:
        """The first tokens of every market back into cash."""
        event = self._find(command.event_id, command.quantity)
        if isinstance(event, Refusal):
            return event
        ledger = self._ledger
        if ledger is None or not event.markets:
            return Refusal.MALFORMED
        quantity: i64 = command.quantity
        assets = self._assets(event, 0)
        for asset in assets:
            if ledger.available(user, asset) < quantity:
                return Refusal.INSUFFICIENT_BALANCE
        for asset in assets:
            ledger.move(user, asset, -quantity, 0)
        ledger.move(user, self._records.cash, PAYOUT * quantity, 0)
        self._listing.let_go_together(event.event_id)
        return None

    def convert(self, command: Convert, user: User) -> Refusal | None:
        """
        The second tokens of some markets into the first tokens of all others.

        Of m markets, (m - 1) payouts become cash: at most one of them is answered with Yes.
        """
        event = self._find(command.event_id, command.quantity)
        if isinstance(event, Refusal):
            return event
        named = set(command.market_ids)
        ledger = self._ledger
        if ledger is None or not named or len(named) != len(command.market_ids):
            return Refusal.MALFORMED
        for market_id in command.market_ids:
            if market_id not in event.markets:
                return Refusal.UNKNOWN_MARKET
        for market in event.markets.values():
            if market.removing and not event.removing:
                return Refusal.MARKET_CLOSED  # it leaves as soon as its orders are worked off
        quantity: i64 = command.quantity
        given: list[Asset] = []
        taken: list[Asset] = []
        for market_id, market in event.markets.items():
            first, second = market.token_ids
            if market_id in named:
                given.append(self._records.asset(second))
            else:
                taken.append(self._records.asset(first))
        for asset in given:
            if ledger.available(user, asset) < quantity:
                return Refusal.INSUFFICIENT_BALANCE
        for asset in given:
            ledger.move(user, asset, -quantity, 0)
        for asset in taken:
            ledger.move(user, asset, quantity, 0)
        if len(given) > 1:
            ledger.move(user, self._records.cash, PAYOUT * quantity * (len(given) - 1), 0)
        self._listing.let_go_together(event.event_id)
        return None

    def _find(self, event_id: int, quantity: int) -> Event | Refusal:
        """The exclusive event, if its tokens can still be changed in such an amount."""
        event = self._records.events.get(event_id)
        if event is None:
            return Refusal.UNKNOWN_EVENT
        if not event.exclusive:
            return Refusal.MALFORMED
        if is_resolved(event):
            return Refusal.MARKET_CLOSED
        if not 1 <= quantity <= QUANTITY_MAX:
            return Refusal.INVALID_QUANTITY
        return event

    def _assets(self, event: Event, index: int) -> list[Asset]:
        return [self._records.asset(one.token_ids[index]) for one in event.markets.values()]
