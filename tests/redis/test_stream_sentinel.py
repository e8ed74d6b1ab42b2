"""A stream behind Sentinel, over the death of its master."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from pmstore.backends.redis.config import redis_config
from pmstore.backends.redis.lease import RedisLease
from pmstore.backends.redis.stream import RedisStream
from pmstore.errors import Conflict, Fenced, StoreUnavailable
from pmstore.models.position import START
from pmstore.testing.servers import RedisServer, find_redis, free_port
from pmstore.testing.servers.process import ServerProcess
from pmstore.url import parse_url
from tests.given_servers import GivenServer
from tests.redis.stream_places import raw, until


@attrs.frozen
class Watched:
    """A master, its replica, and the port of a sentinel that tells which of them it is."""

    master: RedisServer
    replica: RedisServer
    port: int


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with RedisServer(tmp_path / "master") as master:
        follow = ("--replicaof", master.host, str(master.port))
        with RedisServer(tmp_path / "replica", options=follow) as replica:
            port = free_port()
            sentinel = _sentinel(tmp_path / "sentinel", port, master)
            try:
                yield Watched(master, replica, port)
            finally:
                sentinel.stop()


def _sentinel(folder: Path, port: int, master: RedisServer) -> ServerProcess:
    folder.mkdir()
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor mymaster {master.host} {master.port} 1\n"
        "sentinel down-after-milliseconds mymaster 500\n"
        "sentinel failover-timeout mymaster 3000\n"
    )
    return ServerProcess(
        [find_redis().path, config, "--sentinel"],
        log=folder / "log.txt",
        ready=b"+monitor master",
        popen={"cwd": folder},
        stop_signal=signal.SIGTERM,
    )


async def _known(watched: Watched) -> bool:
    """Whether the replica has all, and the sentinel knows of it."""
    sentinel = GivenServer(f"redis://127.0.0.1:{watched.port}")
    replicas = await raw(sentinel, "SENTINEL", "REPLICAS", "mymaster")
    linked = [dict(zip(one[::2], one[1::2], strict=True)) for one in replicas]
    return any(one[b"master-link-status"] == b"ok" for one in linked)


@pytest.mark.crash
async def test_a_stream_and_its_epochs_outlive_their_master(watched: Watched) -> None:
    await until(lambda: _known(watched))
    config = redis_config(parse_url(f"redis+sentinel://127.0.0.1:{watched.port}/0?timeout_s=1"))
    async with RedisStream(config, "store_stream") as stream, RedisLease(config) as lease:
        epoch = await lease.acquire("engine", 60.0)
        assert epoch is not None
        last = await stream.append([b"a", b"b"], epoch=epoch)
        bounds = await stream.bounds()
        assert bounds is not None
        await until(lambda: _has(watched.replica, 2))
        reading = asyncio.ensure_future(stream.read(last, 10, 30.0))
        await until(lambda: _blocked(watched.master))
        watched.master.kill()
        with pytest.raises(StoreUnavailable):
            await reading

        async def written() -> bool:
            try:
                await stream.append([b"c"], expect_head=bounds.last.head, epoch=epoch)
            except StoreUnavailable:
                return False
            except Conflict:
                # One of unknown outcome was written.
                return True
            return True

        await until(written)
        assert [entry.payload for entry in await stream.read(START, 9)] == [b"a", b"b", b"c"]
        with pytest.raises(Fenced):
            await stream.append([b"x"], epoch=epoch - 1)
        assert await lease.renew("engine", epoch, 60.0)
        # The old master is back with what it had; nobody takes it for the one.
        watched.master.start()
        await stream.append([b"d"], epoch=epoch)
        assert await _has(watched.replica, 4)


async def _has(server: RedisServer, count: int) -> bool:
    return bool(await raw(server, "XLEN", "store_stream") == count)


async def _blocked(server: RedisServer) -> bool:
    return b"blocked_clients:1" in await raw(server, "INFO", "clients")
