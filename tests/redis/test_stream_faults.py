"""A stream on a Redis that freezes, dies, comes back empty or old, or is full."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pmstore.backends.redis.stream import RedisStream
from pmstore.errors import Conflict, Fenced, StoreClosed, StoreUnavailable, WriteOutcome
from pmstore.models.position import EMPTY, START, Position
from pmstore.testing.servers import RedisServer
from tests.redis.stream_places import config_at, raw, until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


def stream_on(server: RedisServer, *, timeout_s: float = 0.5) -> RedisStream:
    return RedisStream(config_at(server, timeout_s=timeout_s), "store_stream")


async def payloads(stream: RedisStream) -> list[bytes]:
    return [entry.payload for entry in await stream.read(START, 100)]


async def test_an_append_to_a_frozen_server_is_sent_once(server: RedisServer) -> None:
    async with stream_on(server) as stream:
        await stream.append([b"a"])
        server.pause()
        with pytest.raises(StoreUnavailable) as failed:
            await stream.append([b"b"])
        server.resume()
        assert failed.value.outcome is WriteOutcome.UNKNOWN

        async def there() -> bool:
            return await payloads(stream) != [b"a"]

        await until(there)
        last = await stream.append([b"c"])
        assert await payloads(stream) == [b"a", b"b", b"c"]
        assert await raw(server, "XLEN", "store_stream") == 3
        assert (await stream.read(START, 100))[-1].id == last


async def test_repeating_a_conditional_append_of_unknown_outcome_leaves_it_once(
    server: RedisServer,
) -> None:
    async with stream_on(server) as stream:
        await stream.append([b"a"])
        bounds = await stream.bounds()
        assert bounds is not None
        server.pause()
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await stream.append([b"b", b"c"], expect_head=bounds.last.head, epoch=1)
        server.resume()
        for _ in range(2):
            with suppress(Conflict):
                await stream.append([b"b", b"c"], expect_head=bounds.last.head, epoch=1)
        assert await payloads(stream) == [b"a", b"b", b"c"]


async def test_a_frozen_server_is_an_error_for_a_waiting_reader_and_hides_nothing(
    server: RedisServer,
) -> None:
    async with stream_on(server) as stream, stream_on(server) as writer:
        last = await stream.append([b"a"])
        reading = asyncio.ensure_future(stream.read(last, 10, 0.3))
        await until(lambda: _blocked(server))
        server.pause()
        with pytest.raises(StoreUnavailable) as failed:
            await reading
        assert failed.value.outcome is WriteOutcome.NOT_APPLIED
        with pytest.raises(StoreUnavailable):
            await stream.read(last, 10)
        server.resume()
        # What arrives before the reader is back is what a read after `$` would never see.
        wanted = [await writer.append([b"%d" % number]) for number in range(5)]
        assert [entry.id for entry in await stream.read(last, 10, 5.0)] == wanted


async def _blocked(server: RedisServer) -> bool:
    return b"blocked_clients:1" in await _info(server)


async def _info(server: RedisServer) -> bytes:
    answer = await raw(server, "INFO", "everything")
    assert isinstance(answer, bytes)
    return answer


async def test_a_killed_server_is_an_error_and_reading_goes_on_when_it_is_back(
    server: RedisServer,
) -> None:
    async with stream_on(server) as stream:
        last = await stream.append([b"a", b"b"])
        reading = asyncio.ensure_future(stream.read(last, 10, 30.0))
        await until(lambda: _blocked(server))
        server.kill()
        with pytest.raises(StoreUnavailable):
            await reading
        with pytest.raises(StoreUnavailable):
            await stream.read(START, 10, 0.1)
        with pytest.raises(StoreUnavailable) as failed:
            await stream.append([b"x"])
        assert failed.value.outcome is WriteOutcome.NOT_APPLIED
        with pytest.raises(StoreUnavailable):
            await stream.bounds()
        server.start()
        assert await payloads(stream) == [b"a", b"b"]
        reading = asyncio.ensure_future(stream.read(last, 10, 30.0))
        await until(lambda: _blocked(server))
        grown = await stream.append([b"c"])
        assert [entry.id for entry in await reading] == [grown]


async def test_leaving_ends_a_reader_of_a_frozen_server(server: RedisServer) -> None:
    async with stream_on(server, timeout_s=30.0) as stream:
        reading = asyncio.ensure_future(stream.read(START, 10, 30.0))
        await until(lambda: _blocked(server))
        server.pause()
    async with asyncio.timeout(25):
        with pytest.raises(StoreClosed):
            await reading


async def test_a_connection_that_the_server_cuts_is_an_error_for_its_reader(
    server: RedisServer,
) -> None:
    async with stream_on(server) as stream:
        last = await stream.append([b"a"])
        reading = asyncio.ensure_future(stream.read(last, 10, 30.0))
        await until(lambda: _blocked(server))
        await raw(server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        with pytest.raises(StoreUnavailable):
            await reading
        grown = await stream.append([b"b"])
        assert [entry.id for entry in await stream.read(last, 10, 1.0)] == [grown]


async def test_a_server_that_lost_everything_refuses_the_old_head(server: RedisServer) -> None:
    async with stream_on(server) as stream:
        last = await stream.append([b"a"], epoch=3)
        bounds = await stream.bounds()
        assert bounds is not None
        server.kill()
        server.restart(empty=True)
        await raw(server, "PING")
        with pytest.raises(Conflict):
            await stream.append([b"b"], expect_head=bounds.last.head, epoch=3)
        assert await stream.bounds() is None
        assert await stream.append([b"b"], expect_head=EMPTY, epoch=1) > last


async def test_a_server_restored_from_an_older_dump_refuses_the_lost_head(
    server: RedisServer, tmp_path: Path
) -> None:
    data, dump = tmp_path / "redis", tmp_path / "dump"
    async with stream_on(server) as stream:
        await stream.append([b"a"], epoch=3)
        shutil.copytree(data, dump)
        last = await stream.append([b"b"], epoch=4)
        bounds = await stream.bounds()
        assert bounds is not None
        server.kill()
        shutil.rmtree(data)
        shutil.copytree(dump, data)
        server.start()
        await raw(server, "PING")
        with pytest.raises(Conflict):
            await stream.append([b"c"], expect_head=bounds.last.head)
        with pytest.raises(Fenced):
            await stream.append([b"c"], epoch=2)
        shorter = await stream.bounds()
        assert shorter is not None
        assert shorter.last.id < last, "a reader that was further sees that the log is shorter"
        assert await stream.append([b"c"], expect_head=shorter.last.head, epoch=4) > last


async def test_a_full_server_takes_no_part_of_a_batch(server: RedisServer) -> None:
    async with stream_on(server) as stream:
        await stream.append([b"a"], epoch=1)
        await raw(server, "CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StoreUnavailable) as failed:
            await stream.append([b"b"] * 100, epoch=2)
        assert failed.value.outcome is WriteOutcome.NOT_APPLIED
        assert failed.value.retryable
        await raw(server, "CONFIG", "SET", "maxmemory", "0")
        await stream.append([b"c"], epoch=1)
        assert await payloads(stream) == [b"a", b"c"]


async def test_a_batch_is_one_command(server: RedisServer) -> None:
    async with stream_on(server, timeout_s=5.0) as stream:
        await stream.append([b"a"])
        before = await _calls(server)
        await stream.append([b"x" * 1000] * 500, epoch=1)
        after = await _calls(server)
    assert after.pop("cmdstat_evalsha") == before.pop("cmdstat_evalsha") + 1
    inside = {"cmdstat_xadd", "cmdstat_xinfo|stream", "cmdstat_get", "cmdstat_set"}
    inside |= {"cmdstat_exists", "cmdstat_time"}
    asking = {"cmdstat_info", "cmdstat_hello", "cmdstat_client|setinfo"}
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed <= inside | asking


async def _calls(server: RedisServer) -> dict[str, int]:
    lines = (await _info(server)).decode().splitlines()
    return {
        name: int(rest.split(",")[0].removeprefix("calls="))
        for name, _, rest in (line.partition(":") for line in lines)
        if name.startswith("cmdstat_")
    }


async def test_a_deleted_script_is_sent_again(server: RedisServer) -> None:
    async with stream_on(server) as stream:
        await stream.append([b"a"])
        await raw(server, "SCRIPT", "FLUSH")
        assert await stream.append([b"b"]) > Position(0, 0)
        assert await payloads(stream) == [b"a", b"b"]
