"""Follows the sums of money by facts: frozen amounts, tokens outstanding, collateral; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pmengine.invariants.laws import Law, Violation, market_name
from pmengine.invariants.listings import Listings
from pmengine.invariants.needs import Asset, held, market_of, need_of
from pmengine.invariants.queues import Handler
from pmengine.invariants.single import (
    PAID_OUT,
    event_violations,
    pair_violations,
    row_violations,
    surplus,
)
from pmengine.invariants.surpluses import Surpluses
from pmstore import (
    CASH,
    PAYOUT,
    Balance,
    MarketKey,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderUpdated,
    State,
)


class Sums:
    """
    What all users have of each asset, what stands behind tokens, and what orders need.

    Each is kept up to date by what a fact changes, so that looking costs what changed.
    """

    def __init__(self, state: State, listings: Listings, found: list[Violation]) -> None:
        self._state = state
        self._found = found
        self._listings = listings
        self._held = {asset: held(state, asset) for asset in state.balances}
        self._needs: dict[str, tuple[Asset, int]] = {}
        self._needed: dict[Asset, int] = {}
        self._collateral: dict[MarketKey, int] = {}
        self._surplus: dict[int, int] = {}
        self._surpluses = Surpluses()
        self._total = 0
        self._orders: dict[str, None] = {}
        self._rows: dict[Asset, None] = {}
        self._markets: dict[MarketKey, None] = {}
        for order in state.orders.values():
            self._need(order.id)
        self._rows.clear()
        for key in listings.markets:
            self._value(key)
        for event in state.events.values():
            self._value_event(event.event_id)
        self.handlers: Mapping[type, Handler] = {
            OrderCreated: self._order,
            OrderUpdated: self._order,
            OrderFilled: self._ended,
            OrderCancelled: self._ended,
            Balance: self._balance,
        }

    def lots(self, asset: str) -> int:
        """How much all users have of *asset* together."""
        return self._held.get(asset, 0)

    def settle(self) -> Iterator[Violation]:
        """What is wrong with the money that a command touched, now that it is over."""
        for order_id in self._orders:
            self._need(order_id)
        self._orders.clear()
        for user_id, asset in self._rows:
            yield from self._settle_row(user_id, asset)
        self._rows.clear()
        if self._listings.changed:
            yield from self._settle_events()
        if self._markets:
            for key in self._markets:
                yield from self._settle_market(key)
            for event_id in {key[0] for key in self._markets}:
                yield from self._surpluses.check(event_id)
                self._value_event(event_id)
            self._markets.clear()
        total = self.lots(CASH) + self._total
        if total != self._state.deposited:
            text = f"cash and collateral are {total} micros, and {self._state.deposited} came in"
            yield Violation(Law.MONEY, "the exchange", text)

    def _settle_events(self) -> Iterator[Violation]:
        """Look at all of an event whose markets came, changed or left."""
        changed = self._listings.changed
        self._markets.update(changed)
        for event_id in {key[0] for key in changed}:
            event = self._state.events.get(event_id)
            if event is not None:
                yield from event_violations(self._state, event, self.lots, ledger=True)

    def _settle_row(self, user_id: str, asset: str) -> Iterator[Violation]:
        needed = self._needed.get((user_id, asset), 0)
        row = self._state.balances.get(asset, {}).get(user_id)
        if row is not None:
            yield from row_violations(self._state, row, needed)
        elif needed:
            text = f"nothing frozen and its orders need {needed}"
            yield Violation(Law.FROZEN, f"{user_id}'s {asset}", text)

    def _settle_market(self, key: MarketKey) -> Iterator[Violation]:
        event = self._state.events.get(key[0])
        market = None if event is None else event.markets.get(key[1])
        if event is None or market is None:
            yield from self._settle_removed(key)
        elif market.state not in PAID_OUT and not event.exclusive:
            yield from pair_violations(event.event_id, market, self.lots)
        self._value(key)

    def _settle_removed(self, key: MarketKey) -> Iterator[Violation]:
        market = self._listings.markets.get(key)
        for token in () if market is None else market.token_ids:
            lots = self._held.pop(token, 0)
            if lots:
                text = f"is removed, and {lots} lots of {token} are outstanding"
                yield Violation(Law.ROWS, market_name(*key), text)

    def _value(self, key: MarketKey) -> None:
        """What stands behind the tokens of a market."""
        event = self._state.events.get(key[0])
        market = None if event is None else event.markets.get(key[1])
        value, difference = 0, None
        if event is not None and market is not None:
            first, second = map(self.lots, market.token_ids)
            if market.state not in PAID_OUT:
                value = PAYOUT * second
                difference = first - second if event.exclusive else None
            elif market.payouts is not None:
                value = market.payouts[0] * first + market.payouts[1] * second
        self._surpluses.put(key, difference)
        self._total += value - self._collateral.pop(key, 0)
        if value:
            self._collateral[key] = value

    def _value_event(self, event_id: int) -> None:
        """What stands behind the Yes tokens of an exclusive event that No tokens do not need."""
        event = self._state.events.get(event_id)
        some = None if event is None else next(iter(event.markets.values()), None)
        value = 0
        if event is not None and event.exclusive and some and some.state not in PAID_OUT:
            value = PAYOUT * surplus(some, self.lots)
        self._total += value - self._surplus.pop(event_id, 0)
        if value:
            self._surplus[event_id] = value

    def _need(self, order_id: str) -> None:
        """What an order needs now, instead of what it needed."""
        known = self._needs.pop(order_id, None)
        if known is not None:
            self._add(known[0], -known[1])
        order = self._state.orders.get(order_id)
        if order is not None:
            need = self._needs[order_id] = need_of(order, market_of(self._state, order))
            self._add(*need)

    def _add(self, asset: Asset, amount: int) -> None:
        total = self._needed.get(asset, 0) + amount
        self._rows[asset] = None
        if total:
            self._needed[asset] = total
        else:
            self._needed.pop(asset, None)

    def _order(self, fact: OrderCreated | OrderUpdated) -> None:
        self._orders[fact.order.id] = None

    def _ended(self, fact: OrderFilled | OrderCancelled) -> None:
        self._orders[fact.order_id] = None

    def _balance(self, row: Balance) -> None:
        before = self._state.balances.get(row.asset, {}).get(row.user_id)
        had = 0 if before is None else before.available + before.frozen
        total = self._held.get(row.asset, 0) + row.available + row.frozen - had
        if total:
            self._held[row.asset] = total
        else:
            self._held.pop(row.asset, None)
        self._rows[row.user_id, row.asset] = None
        if row.asset == CASH:
            return
        key = self._listings.key_of_token.get(row.asset)
        if key is not None:
            self._markets[key] = None
        elif row.available or row.frozen:
            name = f"{row.user_id}'s {row.asset}"
            self._found.append(Violation(Law.ROWS, name, "is held and not listed"))
