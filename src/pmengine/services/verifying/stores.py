"""Whether the stores of orders, trades, accounts, events and ledger have what the log says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence, Sized
from typing import Any, Final, TypeVar, cast

import attrs

from pmengine.invariants import Law, Violation
from pmengine.services.history import READ_BATCHES_MAX
from pmengine.services.history_picture import as_told
from pmengine.services.history_stores import OPEN, PAGE_MAX
from pmengine.services.log import STORE_STREAM, Log, LogGap, Place
from pmengine.services.verifying.ledger import LedgerComparison
from pmstore import (
    AccountStore,
    Balance,
    BalanceQuery,
    Batch,
    CorruptData,
    EventAdded,
    EventChanged,
    EventRemoved,
    EventStore,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderQuery,
    OrderStore,
    OrderUpdated,
    Position,
    State,
    Trade,
    TradeQuery,
    TradeStore,
    ended_order,
)
from pmstore.queries import all as all_of

HELD_MAX: Final = 50_000
"""Changed records that are held until the stores are asked about them."""
T = TypeVar("T")
_Found = tuple[Violation, bool]
"""What is wrong, and whether only if the stores stand exactly where the fold does."""
_EventFact = EventAdded | EventChanged | EventRemoved | MarketAdded | MarketChanged | MarketRemoved


@attrs.define
class _Changed:
    """What the log changed since the stores were asked last."""

    orders: dict[str, Order] = attrs.Factory(dict)
    balances: dict[tuple[str, str], Balance] = attrs.Factory(dict)
    trades: dict[int, Trade] = attrs.Factory(dict)
    events: dict[int, None] = attrs.Factory(dict)

    def __len__(self) -> int:
        return len(self.orders) + len(self.balances) + len(self.trades)


class StoreComparison:
    """
    Asks the stores for what the log changed, once they say that they have had it.

    A store that is further than the fold may know a record in a newer version, never in an
    older one. Where it stands exactly where the fold does, it must know the very same, but
    for what the log changes next: one store is written after the other, and what was written
    when a crash came is further than the position that all of them have reached.
    """

    def __init__(
        self,
        log: Log,
        orders: OrderStore,
        trades: TradeStore,
        accounts: AccountStore,
        events: EventStore,
        ledger: LedgerComparison | None = None,
    ) -> None:
        self._log = log
        self._orders = orders
        self._trades = trades
        self._accounts = accounts
        self._events = events
        self.ledger = ledger
        self._changed = _Changed()
        self.compared = 0
        """How many records were compared."""

    @property
    def changed(self) -> Sized:
        """What the log changed since the stores were asked last."""
        return self._changed

    @property
    def is_full(self) -> bool:
        """Whether so much has changed that the stores should be asked now."""
        return len(self._changed) >= HELD_MAX

    def note(self, batch: Batch, state: State) -> None:
        """Remember what *batch* changes; *state* is the one before it."""
        if self.ledger is not None:
            self.ledger.note(batch)
        changed = self._changed
        for change in batch.changes:
            if isinstance(change, Balance):
                changed.balances[change.user_id, change.asset] = change
            elif isinstance(change, Trade):
                changed.trades[change.trade_id] = change
            elif isinstance(change, OrderCreated | OrderUpdated):
                changed.orders[change.order.id] = change.order
            elif isinstance(change, OrderFilled | OrderCancelled):
                order = changed.orders.get(change.order_id) or state.orders.get(change.order_id)
                if order is not None:
                    changed.orders[order.id] = ended_order(order, change)
            elif isinstance(change, _EventFact):
                changed.events[_event_id(change)] = None

    def forget(self) -> int:
        """Let go what was not asked about; how many records."""
        count = len(self._changed)
        self._changed = _Changed()
        if self.ledger is not None:
            self.ledger.forget()
        return count

    async def position(self) -> Position | None:
        """
        How far the log is in all stores, None where that is not known.

        A store that does not say it (a window of a layer does not) was written before the
        others moved on, once the accounts were, which come last.
        """
        found: list[Position] = []
        for store in (self._trades, self._orders, self._accounts):
            if hasattr(store, "position"):
                position = await cast(Any, store).position(STORE_STREAM)
                if position is not None:
                    found.append(position)
                elif store is self._accounts and not await self._has_accounts():
                    return None
        if self.ledger is not None:
            position = await self.ledger.position()
            if position is not None:
                found.append(position)
        return min(found, default=None)

    async def _has_accounts(self) -> bool:
        return bool((await self._accounts.find(BalanceQuery(limit=1))).items)

    async def compare(self, place: Place, state: State, *, complete: bool) -> list[Violation]:
        """
        What the stores have otherwise than the log through *place*, which they must have had.

        Args:
            complete: Look at every open order, balance and event too.
        """
        before = await self.position()
        found = await self._compare(state, complete)
        if self.ledger is not None:
            lines = await self.ledger.compare(place.number, state, complete=complete)
            found += [(violation, False) for violation in lines]
        exact = before == place.position == await self.position()
        changed, self._changed = self._changed, _Changed()
        self.compared += len(changed)
        certain = [violation for violation, only_if_exact in found if not only_if_exact]
        if not exact or len(certain) == len(found):
            return certain
        try:
            ahead = await self._changed_after(place)
        except LogGap:
            return certain
        return [
            violation for violation, only in found if not only or violation.subject not in ahead
        ]

    async def _changed_after(self, place: Place) -> set[str]:
        """What a write that was cut off after *place* may have changed already."""
        ahead: set[str] = set()
        for _, batch in await self._log.read(place, READ_BATCHES_MAX):
            for change in batch.changes:
                if isinstance(change, Balance):
                    ahead.add(_of_row(change.user_id, change.asset))
                elif isinstance(change, OrderCreated | OrderUpdated):
                    ahead.add(_of_order(change.order.id))
                elif isinstance(change, OrderFilled | OrderCancelled):
                    ahead.add(_of_order(change.order_id))
                elif isinstance(change, _EventFact):
                    ahead.add(_of_event(_event_id(change)))
        return ahead

    async def _compare(self, state: State, complete: bool) -> list[_Found]:
        changed = self._changed
        orders = changed.orders
        balances = changed.balances
        events: Iterable[int] = changed.events
        if complete:
            orders = {**state.orders, **orders}
            rows = (row for by_user in state.balances.values() for row in by_user.values())
            balances = {**balances, **{(row.user_id, row.asset): row for row in rows}}
            events = {**changed.events, **dict.fromkeys(state.events)}
        found: list[_Found] = []
        await _gather(found, Law.ORDER_STORE, self._find_orders(orders))
        await _gather(found, Law.ACCOUNT_STORE, self._find_balances(balances))
        await _gather(found, Law.EVENT_STORE, self._find_events(list(events), state))
        await _gather(found, Law.TRADE_STORE, self._find_trades(changed.trades))
        if complete:
            await _gather(found, Law.ORDER_STORE, self._find_strange_orders(state))
            await _gather(found, Law.ACCOUNT_STORE, self._find_strange_balances(state))
            self.compared += len(state.orders) + sum(map(len, state.balances.values()))
        return found

    async def _find_orders(self, orders: dict[str, Order]) -> AsyncIterator[_Found]:
        for some in _pieces(list(orders), self._orders.limits.batch_size_max):
            kept = await self._orders.get(some)
            for order_id in some:
                for text, only in _versions(kept.get(order_id), orders[order_id]):
                    yield Violation(Law.ORDER_STORE, _of_order(order_id), text), only

    async def _find_balances(
        self, balances: dict[tuple[str, str], Balance]
    ) -> AsyncIterator[_Found]:
        for some in _pieces(list(balances), self._accounts.limits.batch_size_max):
            kept = await self._accounts.get(some)
            for key in some:
                row = balances[key]
                if kept.get(key) is None and not row.available and not row.frozen:
                    continue
                for text, only in _versions(kept.get(key), row):
                    yield Violation(Law.ACCOUNT_STORE, _of_row(*key), text), only

    async def _find_events(self, event_ids: list[int], state: State) -> AsyncIterator[_Found]:
        for some in _pieces(event_ids, self._events.limits.batch_size_max):
            kept = await self._events.get(some)
            for event_id in some:
                event, known = state.events.get(event_id), kept.get(event_id)
                name = _of_event(event_id)
                if known is None:
                    yield Violation(Law.EVENT_STORE, name, "is not there"), False
                elif event is None:
                    if known.markets or not known.removing:
                        text = "is there, and the log says that it was removed"
                        yield Violation(Law.EVENT_STORE, name, text), True
                elif known != as_told(event):
                    text = f"another {_fields(known, as_told(event))} than the log says"
                    yield Violation(Law.EVENT_STORE, name, text), True

    async def _find_trades(self, trades: dict[int, Trade]) -> AsyncIterator[_Found]:
        if not trades:
            return
        times = [trade.timestamp for trade in trades.values()]
        first, last = min(trades), max(trades)
        query = TradeQuery(start_ms=min(times), end_ms=max(times) + 1, limit=PAGE_MAX)
        missing = dict(trades)
        async for kept in all_of(self._trades, query):
            if not first <= kept.trade_id <= last:
                continue
            name = f"trade {kept.trade_id}"
            trade = trades.get(kept.trade_id)
            if trade is None:
                text = "is there, and the log has no such trade"
                yield Violation(Law.TRADE_STORE, name, text), False
                continue
            if missing.pop(kept.trade_id, None) is None:
                yield Violation(Law.TRADE_STORE, name, "is there twice"), False
            if kept != trade:
                text = f"another {_fields(kept, trade)} than the log says"
                yield Violation(Law.TRADE_STORE, name, text), False
        for trade_id, trade in missing.items():
            text = f"of orders {trade.taker_order_id} and {trade.maker_order_id} is not there"
            yield Violation(Law.TRADE_STORE, f"trade {trade_id}", text), False

    async def _find_strange_orders(self, state: State) -> AsyncIterator[_Found]:
        """What the store shows as open, and the log does not."""
        async for order in all_of(self._orders, OrderQuery(statuses=OPEN, limit=PAGE_MAX)):
            if order.id not in state.orders:
                text = "is open there, and not open by the log"
                only = order.order_num > state.order_counter
                yield Violation(Law.ORDER_STORE, _of_order(order.id), text), only

    async def _find_strange_balances(self, state: State) -> AsyncIterator[_Found]:
        """What the store shows as held, and the log does not."""
        async for row in all_of(self._accounts, BalanceQuery(limit=PAGE_MAX)):
            known = row.user_id in state.balances.get(row.asset, {})
            if not known and (row.available or row.frozen):
                text = f"{row.available} available and {row.frozen} frozen there, and the log "
                only = row.version > state.user_update_ids.get(row.user_id, 0)
                name = _of_row(row.user_id, row.asset)
                yield Violation(Law.ACCOUNT_STORE, name, f"{text}says nothing is held"), only


def _of_order(order_id: str) -> str:
    return f"order {order_id}"


def _of_row(user_id: str, asset: str) -> str:
    return f"{user_id}'s {asset}"


def _of_event(event_id: int) -> str:
    return f"event {event_id}"


def _event_id(change: _EventFact) -> int:
    return change.event.event_id if isinstance(change, EventAdded) else change.event_id


async def _gather(found: list[_Found], law: Law, asked: AsyncIterator[_Found]) -> None:
    """Add what is *asked*; a record that cannot be read is a breach too."""
    try:
        async for one in asked:
            found.append(one)
    except CorruptData as error:
        found.append((Violation(law, "the store", str(error)), False))


def _versions(kept: Order | Balance | None, told: Order | Balance) -> Iterator[tuple[str, bool]]:
    """How a store's record is wrong; and whether only if the store is not further."""
    if kept is None:
        yield "is not there", False
    elif kept.version < told.version:
        yield f"is there at version {kept.version}, and the log has {told.version}", False
    elif kept.version > told.version:
        yield f"is there at version {kept.version}, and the log has only {told.version}", True
    elif kept != told:
        yield f"another {_fields(kept, told)} than the log says, at the same version", False


def _fields(kept: Any, told: Any) -> str:
    """Which fields of two records are not the same, with both values."""
    names = [field.name for field in attrs.fields(type(told))]
    unequal = [name for name in names if getattr(kept, name) != getattr(told, name)]
    return ", ".join(
        f"{name} ({getattr(kept, name)}, not {getattr(told, name)})" for name in unequal
    )


def _pieces(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
