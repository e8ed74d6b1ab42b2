"""What all stores of one URL share: its pool in each event loop, and how a statement is run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Final, LiteralString, Self
from weakref import WeakKeyDictionary, WeakValueDictionary

import attrs
import psycopg

from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.connection import Connection
from pmstore.backends.postgres.failures import (
    NO_PARTITION,
    REPEATABLE,
    VERSION_CONFLICT,
    NoPartition,
    failed,
    not_let_in,
    state_of,
    too_late,
)
from pmstore.backends.postgres.pool import Pool
from pmstore.backends.postgres.replica import Replica
from pmstore.backends.postgres.schema import prepare_schema
from pmstore.backends.postgres.transaction import Row, Transaction, answer
from pmstore.errors import (
    InvalidQuery,
    StoreClosed,
    StoreUnavailable,
    VersionConflict,
    WriteOutcome,
)

_PAUSE_S: Final = 0.005
"""The mean pause before a statement is repeated that collided with another."""


@attrs.define(kw_only=True, eq=False)
class _Opened:
    """The pools of one event loop, and how many have the client open there."""

    pool: Pool
    replica: Replica | None
    opening: asyncio.Lock = attrs.Factory(asyncio.Lock)
    users: int = 0
    prepared: bool = False


class PostgresClient:
    """
    Runs statements on a server; every store that is entered with it enters it too.

    Open from the first entering in an event loop until the last leaving there. Entering
    connects, and brings the schema up to date or refuses it, so that a wrong password or a
    newer schema is told then and not by the first call.

    Args:
        config: Where the server is.
        prepares: Whether entering looks at the schema; else it is taken as it is.
    """

    def __init__(self, config: PostgresConfig, *, prepares: bool = True) -> None:
        self.config = config
        self._prepares = prepares
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Opened] = WeakKeyDictionary()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        opened = self._loops.get(loop)
        if opened is None:
            read_host = self.config.read_host
            replica = None if read_host is None else Replica(self._pool(read_host))
            opened = self._loops[loop] = _Opened(pool=self._pool(None), replica=replica)
        opened.users += 1
        try:
            async with opened.opening:
                if self._prepares and not opened.prepared:
                    await self._prepare(opened.pool)
                    opened.prepared = True
        except BaseException:
            await self._leave(loop, opened)
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        loop = asyncio.get_running_loop()
        opened = self._loops.get(loop)
        if opened is not None:
            await self._leave(loop, opened)

    async def read(
        self, statement: LiteralString, values: Sequence[object] = (), *, stale: bool = False
    ) -> list[Row]:
        """
        The rows that a reading statement answers.

        Args:
            stale: Whether the read replica may answer, if there is one: it may lack what
                others wrote, and never what this process did.

        Raises:
            StoreUnavailable: No answer, or a refusal of the server.
        """
        opened = self._opened()
        if stale and opened.replica is not None:
            rows = await self._of_replica(opened, opened.replica, statement, values)
            if rows is not None:
                return rows
        return await self._run(opened.pool, statement, values, writes=False)

    async def write(self, statement: LiteralString, values: Sequence[object] = ()) -> list[Row]:
        """
        Run one writing statement, which is a transaction of its own, in one round trip.

        Repeats it after a deadlock until the call's deadline.

        Raises:
            VersionConflict: With the key, if the statement raised it.
            NoPartition: A row has no partition to go to.
            StoreUnavailable: `not_applied` if it was not sent or the server refused or undid
                it, `unknown` if the connection was lost with it under way.
        """
        opened = self._opened()
        try:
            return await self._run(opened.pool, statement, values, writes=True)
        finally:
            if opened.replica is not None:
                opened.replica.wrote()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """
        Several statements that are one; the end of the block commits them.

        An error inside undoes them. If the connection is lost while they are committed, the
        outcome is unknown.
        """
        pool = self._opened().pool
        try:
            async with asyncio.timeout(self.config.statement_timeout_s):
                connection = await pool.take()
        except TimeoutError as error:
            raise too_late(self.config, sent=False, certain=True) from error
        try:
            transaction = Transaction(connection, self.config)
            await transaction.run("BEGIN")
            yield transaction
            await transaction.run("COMMIT")
        finally:
            # Inside the transaction still: the pool closes it, and so the server undoes it.
            await pool.give_back(connection)

    async def connect(self) -> Connection:
        """
        A connection outside of the pool, for whoever keeps it; closed by the caller.

        Raises:
            StoreUnavailable: Not let in.
        """
        self._opened()
        return await self._connected(None)

    def abandon(self) -> list[int]:
        """
        Cut every connection of this event loop, as the death of the process does.

        Answers the process ids of the primary's sides, which finish what they began.
        """
        opened = self._opened()
        if opened.replica is not None:
            opened.replica.pool.abandon()
        return opened.pool.abandon()

    async def _of_replica(
        self, opened: _Opened, replica: Replica, statement: LiteralString, values: Sequence[object]
    ) -> list[Row] | None:
        """What the replica answers; None if it is behind this process's writes, or away."""
        loop = asyncio.get_running_loop()
        if replica.rests(loop.time()):
            return None
        # The other half of the time is for the primary.
        half_s = self.config.statement_timeout_s / 2

        async def ask(asked: LiteralString, given: Sequence[object]) -> list[Row]:
            return await self._run(replica.pool, asked, given, writes=False, timeout_s=half_s)

        async def ask_primary(asked: LiteralString, given: Sequence[object]) -> list[Row]:
            return await self._run(opened.pool, asked, given, writes=False)

        try:
            if not await replica.has_own_writes(ask_primary, ask):
                return None
            return await ask(statement, values)
        except StoreUnavailable:
            replica.failed(loop.time())
            return None

    async def _run(
        self,
        pool: Pool,
        statement: LiteralString,
        values: Sequence[object],
        *,
        writes: bool,
        timeout_s: float | None = None,
    ) -> list[Row]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (timeout_s or self.config.statement_timeout_s)
        while True:
            try:
                return await self._once(pool, statement, values, deadline, writes)
            except psycopg.Error as error:
                state = state_of(error)
                if state == VERSION_CONFLICT:
                    raise VersionConflict(error.diag.message_detail) from error
                if state == NO_PARTITION:
                    raise NoPartition from error
                if state is None and isinstance(error, psycopg.DataError):
                    # It never left: text with a zero in it, a number that no type holds.
                    raise InvalidQuery(str(error)) from error
                pause_s = random.uniform(0, 2 * _PAUSE_S)
                if state not in REPEATABLE or loop.time() + pause_s >= deadline:
                    raise failed(error, self.config, writes=writes) from error
                await asyncio.sleep(pause_s)

    async def _once(
        self,
        pool: Pool,
        statement: LiteralString,
        values: Sequence[object],
        deadline: float,
        writes: bool,
    ) -> list[Row]:
        connection = None
        try:
            async with asyncio.timeout_at(deadline):
                connection = await pool.take()
                connection.undone = False
                return await answer(connection, statement, values)
        except TimeoutError as error:
            sent = connection is not None
            certain = not writes or (connection is not None and connection.undone)
            raise too_late(self.config, sent=sent, certain=certain) from error
        finally:
            if connection is not None:
                await pool.give_back(connection)

    def _opened(self) -> _Opened:
        opened = self._loops.get(asyncio.get_running_loop())
        if opened is None:
            raise StoreClosed(f"{self.config.place} is closed; use it inside `async with`")
        return opened

    async def _leave(self, loop: asyncio.AbstractEventLoop, opened: _Opened) -> None:
        opened.users -= 1
        if opened.users == 0:
            self._loops.pop(loop, None)
            await opened.pool.close()
            if opened.replica is not None:
                await opened.replica.pool.close()

    async def _connected(self, host: str | None) -> Connection:
        try:
            return await Connection.open(self.config, host)
        except (psycopg.Error, OSError) as error:
            # TimeoutError is an OSError.
            raise not_let_in(error, self.config) from error

    def _pool(self, host: str | None) -> Pool:
        config = self.config
        return Pool(
            partial(self._connected, host),
            connections_max=config.max_connections,
            idle_max=config.max_idle_connections,
            lifetime_s=config.conn_max_lifetime_s,
        )

    async def _prepare(self, pool: Pool) -> None:
        try:
            connection = await pool.take()
            try:
                await prepare_schema(connection, self.config)
            finally:
                await pool.give_back(connection)
        except psycopg.Error as error:
            failure = failed(error, self.config, writes=True)
            if isinstance(failure, StoreUnavailable):
                # Opening is no call of which somebody must know whether it took effect.
                failure.outcome = WriteOutcome.NOT_APPLIED
            raise failure from error


_shared: WeakValueDictionary[PostgresConfig, PostgresClient] = WeakValueDictionary()


def shared_client(config: PostgresConfig) -> PostgresClient:
    """The client of *config*: the same one for every store, so that they share its pool."""
    client = _shared.get(config)
    if client is None:
        client = _shared[config] = PostgresClient(config)
    return client
