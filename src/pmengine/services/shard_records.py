"""What one shard has in stores that all shards share: its own records under its own names."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

import attrs

from pmengine.services.log import STORE_STREAM
from pmengine.services.shown_history import HistoryStacks
from pmengine.shards import cash_of, cash_shard, shard_of
from pmstore import (
    CASH,
    Applied,
    Balance,
    BalanceQuery,
    Coverage,
    Event,
    EventQuery,
    JournalQuery,
    LedgerEntry,
    LedgerQuery,
    Limits,
    Order,
    Page,
    Position,
    Trade,
)
from pmstore.queries import all as all_of

PAGE_MAX: Final = 1000


@attrs.frozen(kw_only=True)
class Ownership:
    """
    Which records of shared stores are those of one shard.

    Args:
        source: What the stores call this shard's log.
    """

    shard: int
    shards: int
    source: str

    @property
    def is_whole(self) -> bool:
        """Whether there never was another shard."""
        return self.source == STORE_STREAM

    def has(self, event_id: int) -> bool:
        """Whether an event is this shard's."""
        return shard_of(event_id, self.shards) == self.shard

    def stacks(self, shared: HistoryStacks) -> HistoryStacks:
        """
        *shared* as this shard sees them: what it asks and writes is its own alone.

        The stores stay open as long as the caller keeps them open.
        """
        if self.is_whole:
            return shared
        return HistoryStacks(
            orders=_own(OwnOrders, PositionedOrders, shared.orders, self),
            trades=_own(OwnTrades, PositionedTrades, shared.trades, self),
            accounts=OwnAccounts.over(shared, self),
            events=OwnEvents(shared.events, self),
            ledger=None if shared.ledger is None else OwnLedger(shared.ledger, self),
        )


class _OwnRecords:
    """
    A store's verbs for the records of one shard.

    Cost:
        `find` reads the records of other shards that lie between its own.
    """

    def __init__(self, store: Any, own: Ownership) -> None:
        self._store = store
        self._ownership = own

    @property
    def limits(self) -> Limits:
        """Those of the store."""
        limits: Limits = self._store.limits
        return limits

    @property
    def coverage(self) -> Coverage:
        """That of the store."""
        coverage: Coverage = self._store.coverage
        return coverage

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """The store is closed by who opened it."""

    async def save(self, records: Sequence[Any], /) -> None:
        """As the store does; they must be this shard's."""
        await self._store.save(records)

    async def get(self, keys: Sequence[Any], /) -> dict[Any, Any]:
        """As the store does; a key names its shard by itself."""
        found: dict[Any, Any] = await self._store.get(keys)
        return found

    async def find(self, query: Any, /) -> Page[Any]:
        """Own records, as the store's `find`; a page may be short with a next one behind it."""
        await self._look(query)
        while True:
            page = await self._store.find(attrs.evolve(query, limit=PAGE_MAX))
            own = self._own_of(page.items)
            while len(own) > query.limit:
                # The cursor wanted is the one behind the last that still fits.
                through = own[query.limit - 1][0] + 1
                page = await self._store.find(attrs.evolve(query, limit=through))
                own = self._own_of(page.items)
            if own or page.next is None:
                return Page(tuple(record for _, record in own), page.next)
            query = attrs.evolve(query, after=page.next)

    async def _look(self, query: Any) -> None:
        """Find out before a walk through the pages what it takes to tell own records."""

    def _own_of(self, records: Sequence[Any]) -> list[tuple[int, Any]]:
        return [(at, one) for at, one in enumerate(records) if self._ownership.has(_event_of(one))]


class _Positioned(_OwnRecords):
    async def apply(self, changes: Sequence[Any], /, *, source: str, position: Position) -> Applied:
        """As the store does, for this shard's own log."""
        assert source == STORE_STREAM, "history follows the log alone"
        applied: Applied = await self._store.apply(
            self._written(changes), source=self._ownership.source, position=position
        )
        return applied

    async def position(self, source: str, /) -> Position | None:
        """How far the store has had this shard's own log."""
        assert source == STORE_STREAM, "history follows the log alone"
        position: Position | None = await self._store.position(self._ownership.source)
        return position

    def _written(self, changes: Sequence[Any]) -> Sequence[Any]:
        return changes


class OwnOrders(_OwnRecords):
    """The orders of one shard; an `OrderStore`."""

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        """As the store does; they must be this shard's."""
        removed: int = await self._store.remove(versions)
        return removed


class PositionedOrders(OwnOrders, _Positioned):
    """The same over a store that keeps positions."""


class OwnTrades(_OwnRecords):
    """The trades of one shard; a `TradeStore`."""

    async def append(self, trades: Sequence[Trade], /) -> None:
        """As the store does; they must be this shard's."""
        await self._store.append(trades)


class PositionedTrades(OwnTrades, _Positioned):
    """The same over a store that keeps positions."""


class OwnEvents(_OwnRecords):
    """The events of one shard; an `EventStore`."""


class OwnLedger(_Positioned):
    """The lines of one shard's log, which their source tells; a `LedgerStore`."""

    async def append(self, entries: Sequence[LedgerEntry], /) -> None:
        """As the store does; they must be this shard's."""
        await self._store.append(entries)

    async def find(self, query: LedgerQuery, /) -> Page[LedgerEntry]:
        """As the store does: a user's lines of all shards."""
        found: Page[LedgerEntry] = await self._store.find(query)
        return found

    async def journal(self, query: JournalQuery, /) -> Page[LedgerEntry]:
        """As the store does; lines name their source by themselves."""
        found: Page[LedgerEntry] = await self._store.journal(query)
        return found


class OwnAccounts(_OwnRecords):
    """
    The accounts of one shard; an `AccountStore`.

    Here `cash` is the user's cash on this shard, which the store calls `cash@1` and so on. A
    token is this shard's if the event store lists it in one of this shard's events.
    """

    def __init__(self, store: Any, own: Ownership, events: OwnEvents) -> None:
        super().__init__(store, own)
        self._cash = cash_of(own.shard)
        self._events = events
        self._tokens: set[str] = set()

    @staticmethod
    def over(shared: HistoryStacks, own: Ownership) -> OwnAccounts:
        """Over the accounts of *shared*, with positions if they keep some."""
        kind = PositionedAccounts if hasattr(shared.accounts, "apply") else OwnAccounts
        return kind(shared.accounts, own, OwnEvents(shared.events, own))

    async def save(self, records: Sequence[Balance], /) -> None:
        """As the store does; they must be this shard's."""
        await self._store.save(self._written(records))

    async def get(self, keys: Sequence[tuple[str, str]], /) -> dict[tuple[str, str], Balance]:
        """The rows of these users and assets, `cash` being that on this shard."""
        stored = [(user_id, self._stored(asset)) for user_id, asset in keys]
        found: dict[tuple[str, str], Balance] = await self._store.get(stored)
        own = (self._shown(row) for row in found.values())
        return {(row.user_id, row.asset): row for row in own}

    async def find(self, query: BalanceQuery, /) -> Page[Balance]:
        """Own rows, `cash` being that on this shard; see `_OwnRecords.find`."""
        if query.asset is not None:
            query = attrs.evolve(query, asset=self._stored(query.asset))
        return await super().find(query)

    async def _look(self, query: Any) -> None:
        if query.after is None:
            self._tokens = {
                token
                async for event in all_of(self._events, EventQuery(limit=PAGE_MAX))
                for market in event.markets.values()
                for token in market.token_ids
            }

    def _own_of(self, records: Sequence[Balance]) -> list[tuple[int, Balance]]:
        return [
            (at, self._shown(row))
            for at, row in enumerate(records)
            if row.asset == self._cash
            or (cash_shard(row.asset) is None and row.asset in self._tokens)
        ]

    def _written(self, changes: Sequence[Balance]) -> Sequence[Balance]:
        return [attrs.evolve(row, asset=self._stored(row.asset)) for row in changes]

    def _stored(self, asset: str) -> str:
        return self._cash if asset == CASH else asset

    def _shown(self, row: Balance) -> Balance:
        return attrs.evolve(row, asset=CASH) if row.asset == self._cash else row


class PositionedAccounts(OwnAccounts, _Positioned):
    """The same over a store that keeps positions."""


def _own(plain: Any, positioned: Any, store: Any, own: Ownership) -> Any:
    return (positioned if hasattr(store, "apply") else plain)(store, own)


def _event_of(record: Order | Trade | Event) -> int:
    return record.event_id if isinstance(record, Event) else record.symbol.event_id
