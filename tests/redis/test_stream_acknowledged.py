"""A stream whose appends and reads wait until replicas have them on their disks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from pmstore import open_stream, stream_durability
from pmstore.backends.redis.config import redis_config
from pmstore.backends.redis.stream import RedisStream
from pmstore.cli.checkup import examine_deployment
from pmstore.clock import system_clock
from pmstore.errors import Conflict, SettingsError, StoreUnavailable, WriteOutcome
from pmstore.models.position import START
from pmstore.plugin import Level
from pmstore.testing import Rig, conformance, stream_clauses
from pmstore.testing.servers import RedisServer
from pmstore.url import parse_url
from tests.conformance.test_redis_streams import rig
from tests.redis.stream_places import raw, until

NEEDS = (
    "needs a server with WAITAOF: Redis 7.2 or newer, or Valkey, such as the wheels' "
    "(PM_SERVERS=wheels)"
)


@attrs.frozen
class Pair:
    """A master and its replica, each with an append-only file."""

    master: RedisServer
    replica: RedisServer

    def url(self, timeout_s: float = 5.0, replicas: int = 1) -> str:
        """Of the master."""
        return f"{self.master.url}?ack_replicas={replicas}&timeout_s={timeout_s}"

    def stream(self, timeout_s: float = 5.0) -> RedisStream:
        """A log there."""
        return RedisStream(redis_config(parse_url(self.url(timeout_s))), "store_stream")


def pair_at(folder: Path) -> Iterator[Pair]:
    with RedisServer(folder / "master", options=("--repl-diskless-sync-delay", "0")) as master:
        if asyncio.run(raw(master, "COMMAND", "INFO", "WAITAOF")) == [None]:
            pytest.skip(f"{NEEDS}; this is {master}")
        follow = ("--replicaof", master.host, str(master.port))
        with RedisServer(folder / "replica", options=follow) as replica:
            pair = Pair(master, replica)
            asyncio.run(until(lambda: linked(pair)))
            yield pair


async def linked(pair: Pair) -> bool:
    """Whether the replica follows the master."""
    return b"master_link_status:up" in await raw(pair.replica, "INFO", "replication")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    yield from pair_at(tmp_path)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    yield from pair_at(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def acknowledged(lasting: Pair) -> Rig[Any]:
    def made(url: str) -> RedisStream:
        config = redis_config(parse_url(url))
        # A replica on a busy machine takes its time.
        timeout_s = max(2.0, config.timeout_s)
        waiting = attrs.evolve(config, ack_replicas=1, timeout_s=timeout_s)
        return RedisStream(waiting, "store_stream")

    return attrs.evolve(
        rig(lasting.master, made, ("pmstore:open_stream", "store_stream")), examples=3
    )


test_stream = conformance(stream_clauses, "acknowledged")


async def payloads(server: RedisServer) -> list[bytes]:
    entries = await raw(server, "XRANGE", "store_stream", "-", "+")
    return [fields[1] for _, fields in entries]


async def test_what_was_answered_is_on_the_replica_when_the_master_is_lost(pair: Pair) -> None:
    async with pair.stream() as stream:
        for number in range(50):
            await stream.append([b"%d" % number])
        pair.master.kill()
    pair.replica.kill()
    pair.replica.restart()
    assert await payloads(pair.replica) == [b"%d" % number for number in range(50)]


async def test_an_append_that_too_few_have_is_unknown_and_not_read_before_they_have_it(
    pair: Pair,
) -> None:
    async with (
        pair.stream(timeout_s=2.0) as stream,
        open_stream(pair.master.url, "store_stream") as plain,
    ):
        await stream.append([b"a"])
        bounds = await stream.bounds()
        assert bounds is not None
        first = bounds.last
        pair.replica.pause()
        with pytest.raises(StoreUnavailable, match="0 of 1 replicas") as failed:
            await stream.append([b"b"], expect_head=first.head)
        assert failed.value.outcome is WriteOutcome.UNKNOWN
        with pytest.raises(StoreUnavailable) as unread:
            await stream.read(first.id, 10)
        assert unread.value.outcome is WriteOutcome.NOT_APPLIED
        assert [entry.payload for entry in await plain.read(first.id, 10)] == [b"b"]
        with pytest.raises(Conflict):
            await stream.append([b"b"], expect_head=first.head)
        reading = asyncio.create_task(persistent_read(stream, first.id))
        pair.replica.resume()
        assert [entry.payload for entry in await reading] == [b"b"]
        await stream.append([b"c"])
    assert await payloads(pair.replica) == [b"a", b"b", b"c"]


async def persistent_read(stream: RedisStream, after: Any) -> Any:
    """What is behind *after*, as soon as it may be read."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await stream.read(after, 10, 1.0)
            except StoreUnavailable:
                await asyncio.sleep(0.01)


async def test_a_replica_without_an_append_only_file_does_not_count(pair: Pair) -> None:
    await raw(pair.replica, "CONFIG", "SET", "appendonly", "no")
    async with pair.stream(timeout_s=1.0) as stream:
        with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
            await stream.append([b"a"])
        await raw(pair.replica, "CONFIG", "SET", "appendonly", "yes")

        async def taken() -> bool:
            try:
                await stream.append([b"b"])
            except StoreUnavailable:
                return False
            return True

        await until(taken)


async def test_how_many_replicas_have_what_is_answered_is_said(pair: Pair) -> None:
    told = await stream_durability(pair.url())
    assert told is not None
    assert "those of 1 replicas are synced" in told
    assert "a failover to one of these" in told
    told = await stream_durability(pair.url(replicas=2))
    assert told == "a write is on its disk and on those of 1 replicas; 2 must have it"
    told = await stream_durability(pair.master.url)
    assert told == "it syncs its append-only file before it answers"


async def test_an_entry_read_from_a_master_that_lost_it_is_not_given(pair: Pair) -> None:
    async with pair.stream() as stream:
        await stream.append([b"a", b"b"])
        [first, second] = await stream.read(START, 10)
        # Between the two steps of a read a failover may leave the entry behind.
        await raw(pair.master, "XDEL", "store_stream", str(second.id))
        with pytest.raises(StoreUnavailable, match="read again"):
            await stream._settled([first, second])


async def test_waiting_for_replicas_holds_no_other_call_up(pair: Pair) -> None:
    url = f"{pair.url(timeout_s=30.0)}&pool_size=1&min_idle_conns=1"
    config = redis_config(parse_url(url))
    async with RedisStream(config, "store_stream") as stream:
        await stream.append([b"a"])
        pair.replica.pause()
        waiting = asyncio.create_task(stream.append([b"b"]))
        await until(lambda: has(pair.master, 2))
        for _ in range(10):
            assert await stream.bounds() is not None
        assert not waiting.done(), "it waits for 24 seconds"
        pair.replica.resume()
        await waiting


async def has(server: RedisServer, count: int) -> bool:
    return bool(await raw(server, "XLEN", "store_stream") == count)


@pytest.mark.parametrize("missing", ["", "renamed"])
async def test_a_server_that_cannot_wait_is_refused_at_the_start(
    missing: str, tmp_path: Path
) -> None:
    options = ("--rename-command", "WAITAOF", "") if missing else ()
    with RedisServer(tmp_path / "server") as probe:
        knows = await raw(probe, "COMMAND", "INFO", "WAITAOF") != [None]
    if knows != bool(missing):
        pytest.skip(f"{probe} {'has' if knows else 'has no'} WAITAOF: the other case is run")
    with RedisServer(tmp_path / "server", options=options) as server:
        url = f"{server.url}?ack_replicas=1"
        with pytest.raises(SettingsError, match=r"no WAITAOF.*Redis 7\.2"):
            await open_stream(url, "store_stream").__aenter__()
        assert "no WAITAOF" in (await stream_durability(url) or "")
        async with open_stream(server.url, "store_stream") as stream:
            await stream.append([b"a"])


async def test_the_doctor_says_that_nobody_acknowledges(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "server") as server:
        environ = {
            "REDIS_ENABLED": "true",
            "REDIS_HOST": server.host,
            "REDIS_PORT": str(server.port),
            "ENGINE_ACK": "waitaof:1",
        }
        findings = await examine_deployment(None, clock=system_clock, environ=environ)
    errors = [one for one in findings if one.level is Level.ERROR]
    assert [one.kind for one in errors] == ["durability"]
    assert "WAITAOF" in errors[0].what or "1 must have it" in errors[0].what
    assert "ENGINE_ACK" in errors[0].remedy
