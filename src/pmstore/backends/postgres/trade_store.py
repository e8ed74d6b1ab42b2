"""Trades in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString

import attrs

from pmstore.backends.postgres.channel import PostgresChannel
from pmstore.backends.postgres.client import PostgresClient
from pmstore.backends.postgres.columns import packed
from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.consumed import moving, position_of
from pmstore.backends.postgres.failures import NoPartition
from pmstore.backends.postgres.outbox import PostgresOutbox
from pmstore.backends.postgres.partitions import making, partitions_of
from pmstore.backends.postgres.store import PostgresStore
from pmstore.backends.postgres.trade_rows import COLUMNS
from pmstore.backends.postgres.trade_statements import APPEND, APPLY, finding
from pmstore.backends.postgres.transaction import Row
from pmstore.models.position import Position
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.models.units import is_id
from pmstore.protocols.channel import Channel
from pmstore.protocols.outbox import Outbox
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import check_trades
from pmstore.storage.cursor import read_cursor
from pmstore.storage.pages import page_of, trade_place
from pmstore.storage.trade_rows import trade_of

_STORE: Final = "trades"


class PostgresTradeStore(PostgresStore):
    """
    Keeps each trade once in the table `trades`, partitioned by month; a `TradeStore`.

    Every call is one statement, which is a transaction. The first trade of a month costs
    two more, which make its partition. `apply` and `position` make it `Positioned` over
    trades.
    """

    def __init__(self, server: PostgresConfig | PostgresClient) -> None:
        super().__init__(server)
        self._under_caches = False

    async def append(self, trades: Sequence[Trade], /) -> None:
        """Add trades; see `TradeStore.append`."""
        self.check_call(len(trades))
        if trades:
            await self._write(APPEND, [], self._checked(trades))

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """
        The trades that *query* asks for, newest first; see `TradeStore.find`.

        With a `read_host` the replica is asked, once it has what this process has written;
        never if the store's notes were asked for, which is how caches begin: what a cache
        takes must be all that was committed.

        Cost:
            Grows with the page for a user, an order, a token, a market or an event, alone
            or in a time window; else with what is looked at.
        """
        self.check_call()
        if any(id is not None and not is_id(id) for id in _ids_of(query)):
            # No record has it, and the server could not even be asked for some of them.
            query = attrs.evolve(query, user_id=None, order_id=None, token_id=None, end_ms=0)
        after = None
        if query.after is not None:
            timestamp, trade_id = read_cursor(query.after, int, int)
            after = (int(timestamp), int(trade_id))
        statement, values = finding(query, after)
        rows = await self._client.read(statement, values, stale=not self._under_caches)
        return page_of([trade_of(row, _STORE) for row in rows], query.limit, trade_place)

    async def apply(
        self, changes: Sequence[Trade], /, *, source: str, position: Position
    ) -> Applied:
        """Append *changes* and move *source* to *position* in one statement; see `Positioned`."""
        self.check_call(len(changes))
        moved = moving(_STORE, source, position)
        rows = await self._write(APPLY, moved, self._checked(changes))
        return Applied.APPLIED if rows[0][0] else Applied.DUPLICATE

    @property
    def outbox(self) -> Outbox[str]:
        """The notes of appended batches; their key is `outbox.TRADES`."""
        self._under_caches = True
        return PostgresOutbox(self._client, _STORE, str)

    @property
    def channel(self) -> Channel:
        """Carries messages to every process that uses this schema."""
        return PostgresChannel(self._client)

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await position_of(self._client, _STORE, source)

    async def _write(
        self, statement: LiteralString, before: Sequence[object], trades: Sequence[Trade]
    ) -> list[Row]:
        values = [*before, *packed(COLUMNS, trades)]
        try:
            return await self._client.write(statement, values)
        except NoPartition:
            await self._client.write(making(partitions_of(trade.timestamp for trade in trades)))
        return await self._client.write(statement, values)

    def _checked(self, trades: Sequence[Trade]) -> list[Trade]:
        """Each id once, its first; raises if one of them cannot be stored."""
        check_trades(trades)
        once: dict[int, Trade] = {}
        for trade in trades:
            once.setdefault(trade.trade_id, trade)
        return list(once.values())


def _ids_of(query: TradeQuery) -> tuple[str | None, ...]:
    return (query.user_id, query.order_id, query.token_id)
