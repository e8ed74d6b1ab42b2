"""One connection: how it is made, cancelled, and found dead."""

from __future__ import annotations

import asyncio
import select
from typing import Any, Final, Self

import psycopg
from psycopg import waiting
from psycopg.abc import RV, PQGen
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from pmstore.backends.postgres.arrays import DUMPERS
from pmstore.backends.postgres.config import PostgresConfig

_CANCEL_S_MAX: Final = 1.0
"""For how long a cancelled call waits for the server to say whether it happened."""

_LOOK_S: Final = 0.1
"""How often a waiting call looks up, as psycopg's own do."""


class Connection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """
    A connection whose cancelled calls are settled: undone, done, or the connection is closed.

    psycopg waits up to ten seconds for a server to obey; here it is one.
    """

    made_at_s: float = 0.0
    """When it was made, in seconds of the event loop."""
    undone: bool = False
    """Whether the server said that it undid the call that was cancelled last."""

    async def wait(
        self, gen: PQGen[RV], interval: float = _LOOK_S, timeout: float | None = None
    ) -> RV:
        # psycopg 3.2 knows no timeout here, and never asks for one.
        limit = {} if timeout is None else {"timeout": timeout}
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval, **limit)
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                try:
                    async with asyncio.timeout(_CANCEL_S_MAX):
                        await self.cancel_safe(timeout=_CANCEL_S_MAX)
                        await waiting.wait_async(gen, self.pgconn.socket, _LOOK_S)
                except psycopg.errors.QueryCanceled:
                    self.undone = True
                except (TimeoutError, psycopg.Error, OSError):
                    self.pgconn.finish()
                except BaseException:
                    self.pgconn.finish()
                    raise
            raise

    @classmethod
    async def open(cls, config: PostgresConfig, host: str | None = None) -> Self:
        """
        Connect, in autocommit mode.

        Raises:
            TimeoutError: No answer within `connect_timeout_s`.
            psycopg.OperationalError: Not let in.
        """
        async with asyncio.timeout(config.connect_timeout_s):
            made = await cls.connect(connection_info(config, host), autocommit=True)
        for kind, dumper in DUMPERS:
            made.adapters.register_dumper(kind, dumper)
        # Every statement of ours comes again, and is planned once for each connection.
        made.prepare_threshold = 0
        made.made_at_s = asyncio.get_running_loop().time()
        return made

    @property
    def usable(self) -> bool:
        """Whether it can take a statement, as far as this end knows."""
        return not self.closed and self.pgconn.transaction_status == TransactionStatus.IDLE

    @property
    def dead(self) -> bool:
        """
        Whether the server has let go of it while it was idle.

        A server that stops says so, or its end of the connection is closed: either can be
        read, and nothing else ever comes to an idle connection.
        """
        return not self.usable or _readable(self.pgconn.socket)


def connection_info(config: PostgresConfig, host: str | None = None) -> str:
    """What libpq is told of *config*, for its own host or another one."""
    options = [
        f"-c statement_timeout={_ms(config.statement_timeout_s)}",
        f"-c lock_timeout={_ms(config.lock_timeout_s)}",
        "-c client_min_messages=error",
        "-c timezone=UTC",
        # Every list has an index in its own order, and ends at its limit. Until the server
        # has counted a table that grows, it would rather read all of it, or all orders of
        # one side, and sort them.
        "-c enable_seqscan=off",
        "-c enable_bitmapscan=off",
        # What is switched off counts as very dear, and what is dear would be compiled first.
        "-c jit=off",
    ]
    if config.schema is not None:
        options.append(f"-c search_path={_escaped(quoted(config.schema))}")
    return make_conninfo(
        user=config.user,
        password=config.password,
        host=host or config.host,
        port=config.port,
        dbname=config.database,
        sslmode=config.ssl_mode,
        sslrootcert=None if config.ssl_root_cert is None else str(config.ssl_root_cert),
        connect_timeout=max(2, round(config.connect_timeout_s)),
        application_name="pmstore",
        client_encoding="utf8",
        options=" ".join(options),
    )


def quoted(name: str) -> str:
    """*name* as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def _escaped(option: str) -> str:
    return option.replace("\\", "\\\\").replace(" ", "\\ ")


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _readable(descriptor: int) -> bool:
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        return bool(poller.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])
