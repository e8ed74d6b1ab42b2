"""Lists of trades from a real streaming replica."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import psycopg
import pytest

from pmstore.backends.postgres import PostgresConfig, PostgresTradeStore
from pmstore.models.query import TradeQuery
from pmstore.plugin import config_from
from pmstore.testing.samples import trade
from pmstore.testing.servers import PostgresServer, find_postgres
from pmstore.url import parse_url


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, Path]]:
    """A primary, and the folder of a copy of it that follows it once it is started."""
    folder = tmp_path_factory.mktemp("replicated")
    with PostgresServer(folder / "primary") as primary:
        copied = folder / "replica" / "data"
        copied.parent.mkdir()
        subprocess.run(
            [
                find_postgres().path.parent / "pg_basebackup",
                *("-d", primary.url, "-D", copied, "-R", "-X", "stream", "-c", "fast"),
            ],
            check=True,
            capture_output=True,
        )
        yield primary, copied.parent


async def held(trades: PostgresTradeStore) -> list[int]:
    return [one.trade_id for one in (await trades.find(TradeQuery())).items]


async def test_a_replica_answers_when_it_has_what_one_wrote(
    servers: tuple[PostgresServer, Path],
) -> None:
    """
    A process sees its own appends at once, also while the replica stands still; another
    sees what the replica has; without a replica the primary answers.
    """
    primary, folder = servers
    server = config_from(PostgresConfig, parse_url(primary.url))
    reading = attrs.evolve(server, read_host="127.0.0.2", statement_timeout_s=5.0)
    # Another address of the same machine: a URL names one port for both servers.
    replica = PostgresServer(
        folder, options=("-c", "listen_addresses=127.0.0.2", "-p", str(primary.port))
    )
    async with (
        PostgresTradeStore(server) as writer,
        PostgresTradeStore(reading) as process,
        PostgresTradeStore(attrs.evolve(reading, max_connections=3)) as other,
    ):
        await writer.append([trade(1)])
        assert await held(other) == [1], "nobody listens there yet: the primary answers"
        with replica:
            at = f"postgresql://{primary.user}:{primary.password}@127.0.0.2:{primary.port}/postgres"
            with psycopg.connect(at, autocommit=True) as plain:
                await process.append([trade(2)])
                assert await held(process) == [2, 1]
                with psycopg.connect(primary.url) as there:
                    written = there.execute("SELECT pg_current_wal_lsn()").fetchone()
                until = time.monotonic() + 60
                while plain.execute(
                    "SELECT pg_last_wal_replay_lsn() >= %s", written
                ).fetchone() != (True,):
                    assert time.monotonic() < until
                    await asyncio.sleep(0.02)
                # The other one has waited out the failure of before.
                opened = other._client._opened()
                assert opened.replica is not None
                opened.replica._again_s = 0.0
                plain.execute("SELECT pg_wal_replay_pause()")
                await process.append([trade(3)])
                assert await held(process) == [3, 2, 1], "its own is there at once"
                assert await held(other) == [2, 1], "the other asks the replica, which stands"
                async with PostgresTradeStore(attrs.evolve(reading, max_connections=4)) as truth:
                    await truth.outbox.backlog("caches")
                    assert await held(truth) == [3, 2, 1], "under caches the primary answers"
                plain.execute("SELECT pg_wal_replay_resume()")
                until = time.monotonic() + 60
                while await held(other) != [3, 2, 1]:
                    assert time.monotonic() < until
                    await asyncio.sleep(0.02)
                assert await held(process) == [3, 2, 1]
        assert await held(other) == [3, 2, 1], "the replica is gone: the primary answers"
        assert await held(process) == [3, 2, 1]
