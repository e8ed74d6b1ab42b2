"""The stores that history fills: how far each has had the log, and writing that moves them on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar, cast

import attrs

from pmengine.services.history_ledger import Ledger
from pmengine.services.log import STORE_STREAM
from pmstore import (
    AccountStore,
    Balance,
    BalanceQuery,
    Event,
    EventQuery,
    EventStore,
    LedgerEntry,
    Order,
    OrderQuery,
    OrderStatus,
    OrderStore,
    Position,
    Positioned,
    Trade,
    TradeQuery,
    TradeStore,
)
from pmstore.queries import all as all_of

OPEN: Final = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})
PAGE_MAX: Final = 1000
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Standing:
    """
    How far the stores have had the log, by their own account.

    `positions` are those that were written with changes. `lacking` names the stores that
    keep positions and have none, or keep none and are empty; `unpositioned` those that
    keep none and hold something (but for events, which are written before all others).
    `newest_trade` is the newest trade's id, 0 without one. `accounts` and `ledger` are the
    positions of these two; a ledger without one begins where the accounts are.
    """

    positions: Sequence[Position]
    lacking: Sequence[str]
    unpositioned: Sequence[str]
    newest_trade: int
    accounts: Position | None = None
    ledger: Position | None = None


@attrs.frozen(kw_only=True)
class Written:
    """
    What a part of the log comes to: the newest of each record, events with their versions, and
    all lines of the ledger.
    """

    orders: Sequence[Order] = ()
    trades: Sequence[Trade] = ()
    balances: Sequence[Balance] = ()
    events: Sequence[tuple[Event, int]] = ()
    lines: Sequence[LedgerEntry] = ()


@attrs.frozen
class _Target:
    """A store with its plain writing verb, and its `Positioned` segment if it has one."""

    name: str
    store: Any
    write: Callable[[Sequence[Any]], Awaitable[None]]
    segment: Positioned[Any] | None


class HistoryStores:
    """
    Writes the four stores so that a position never promises what a store has not had.

    The ledger comes first of all, so that it never has less than the accounts from which the
    next start knows what it said. The events come next, then the trades (an order that shows a
    fill has its trade), the orders and the accounts. A store that is `Positioned` takes changes
    and position in one step, unless a store without positions is written after it: then it moves
    last of all, so that what the positions say holds for that store too.
    """

    def __init__(
        self,
        orders: OrderStore,
        trades: TradeStore,
        accounts: AccountStore,
        events: EventStore,
        ledger: Ledger | None = None,
    ) -> None:
        self._ledger = ledger
        self._orders = orders
        self._accounts = accounts
        self._events = events
        self._trades = trades
        self._targets = [
            _Target("trades", trades, trades.append, _segment(trades)),
            _Target("orders", orders, orders.save, _segment(orders)),
            _Target("accounts", accounts, accounts.save, _segment(accounts)),
        ]
        self._late = max(
            (index for index, target in enumerate(self._targets) if target.segment is None),
            default=-1,
        )

    async def standing(self) -> Standing:
        """
        How far each store is.

        Raises:
            StoreUnavailable, CorruptData: From the stores.
        """
        positions: list[Position] = []
        events = (await self._events.find(EventQuery(limit=1))).items
        lacking: list[str] = [] if events else ["events"]
        unpositioned: list[str] = []
        newest = (await self._trades.find(TradeQuery(limit=1))).items
        holding = {
            "trades": bool(newest),
            "orders": bool((await self._orders.find(OrderQuery(limit=1))).items),
            "accounts": bool((await self._accounts.find(BalanceQuery(limit=1))).items),
        }
        accounts: Position | None = None
        for target in self._targets:
            if target.segment is None:
                (unpositioned if holding[target.name] else lacking).append(target.name)
                continue
            position = await target.segment.position(STORE_STREAM)
            if position is None:
                lacking.append(target.name)
            else:
                positions.append(position)
            if target.name == "accounts":
                accounts = position
        ledger = None if self._ledger is None else await self._ledger.position()
        if ledger is not None:
            positions.append(ledger)
        return Standing(
            positions=positions,
            lacking=lacking,
            unpositioned=unpositioned,
            newest_trade=newest[0].trade_id if newest else 0,
            accounts=accounts,
            ledger=ledger,
        )

    def open_orders(self) -> AsyncIterator[Order]:
        """Every order that the store shows as open."""
        return all_of(self._orders, OrderQuery(statuses=OPEN, limit=PAGE_MAX))

    def balances(self) -> AsyncIterator[Balance]:
        """Every row of the accounts."""
        return all_of(self._accounts, BalanceQuery(limit=PAGE_MAX))

    def events(self) -> AsyncIterator[Event]:
        """Every event."""
        return all_of(self._events, EventQuery(limit=PAGE_MAX))

    async def forget(self, orders: Sequence[Order]) -> None:
        """Remove *orders*, each through its version; a higher one lives."""
        versions = [(order.id, order.version) for order in orders]
        for some in _pieces(versions, self._orders.limits.batch_size_max):
            await self._orders.remove(some)

    async def write(self, written: Written, position: Position | None) -> None:
        """
        Write it all, and move every store that keeps positions to *position*, if given.

        Writing it again changes nothing. What exceeds a store's batch is written in pieces,
        the position with the last.
        """
        if self._ledger is not None and position is not None:
            await self._ledger.write(written.lines, position)
        for some in _pieces(written.events, self._events.limits.batch_size_max):
            await self._events.save(some)
        changes = (written.trades, written.orders, written.balances)
        for index, target in enumerate(self._targets):
            pieces = _pieces(changes[index], target.store.limits.batch_size_max)
            segment = target.segment if index > self._late else None
            if position is None or segment is None:
                for piece in pieces:
                    await target.write(piece)
                continue
            for piece in pieces[:-1]:
                await target.write(piece)
            last = pieces[-1] if pieces else ()
            await segment.apply(last, source=STORE_STREAM, position=position)
        if position is not None:
            for target in self._targets[: max(self._late, 0)]:
                if target.segment is not None:
                    await target.segment.apply((), source=STORE_STREAM, position=position)


def _segment(store: object) -> Positioned[Any] | None:
    return cast(Positioned[Any], store) if hasattr(store, "apply") else None


def _pieces(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
