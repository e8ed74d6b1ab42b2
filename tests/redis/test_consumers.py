"""Groups over a Redis stream: dead consumers, lost answers, entries trimmed or bad."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pmstore.backends.memory import MemoryStream
from pmstore.backends.redis.client import RedisClient
from pmstore.backends.redis.consumers import RedisConsumers
from pmstore.backends.redis.stream import RedisStream
from pmstore.errors import CorruptData, SettingsError, StoreUnavailable
from pmstore.models.position import START, Entry, Position
from pmstore.testing.servers import RedisServer
from tests.redis.stream_places import Server, config_at, raw, until


@pytest.fixture
async def stream(redis_server: Server, tmp_path: Path) -> AsyncIterator[RedisStream]:
    async with RedisStream(config_at(redis_server, tmp_path.name), "order_input_stream") as stream:
        yield stream


@pytest.fixture
async def consumers(stream: RedisStream) -> AsyncIterator[RedisConsumers]:
    async with RedisConsumers(stream) as consumers:
        yield consumers


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


async def filled(stream: RedisStream, count: int) -> list[Entry]:
    await stream.append([b"%d" % number for number in range(count)])
    return await stream.read(START, count)


async def test_what_a_dead_consumer_left_is_taken_over_after_its_time_and_processed_once(
    redis_server: Server, stream: RedisStream, consumers: RedisConsumers
) -> None:
    entries = await filled(stream, 6)
    config = config_at(redis_server, stream.stream_key.partition(":")[0])
    # Another process as far as the server can tell: a client, groups and a connection of its own.
    async with (
        RedisClient(config) as client,
        RedisStream(config, "order_input_stream", client=client) as other_stream,
        RedisConsumers(other_stream) as other,
    ):
        assert await other.read("g", "dead", 4) == entries[:4]
        await other.ack("g", [entries[0].id])
    assert await consumers.read("g", "alive", 10) == entries[4:]
    assert await consumers.reclaim("g", "alive", 60.0, 10) == []
    assert (await consumers.positions())["g"] < entries[1].id
    taken: list[Entry] = []

    async def reclaimed() -> bool:
        taken.extend(await consumers.reclaim("g", "alive", 0.05, 2))
        return len(taken) >= 3

    await until(reclaimed)
    assert taken == entries[1:4]
    assert await consumers.ack("g", [entry.id for entry in entries]) == 5
    assert await consumers.positions() == {"g": entries[-1].id}


async def test_being_idle_counts_from_the_last_taking(
    stream: RedisStream, consumers: RedisConsumers
) -> None:
    entries = await filled(stream, 1)
    await consumers.read("g", "a", 1)

    async def idle() -> bool:
        return await consumers.reclaim("g", "b", 0.3, 1) == entries

    await until(idle)
    assert await consumers.reclaim("g", "c", 0.3, 1) == []


async def test_entries_of_a_lost_answer_are_given_by_the_next_read(server: RedisServer) -> None:
    config = config_at(server, timeout_s=0.3)
    async with RedisStream(config, "s") as stream, RedisConsumers(stream) as consumers:
        entries = await filled(stream, 5)
        assert await consumers.read("g", "a", 2) == entries[:2]
        server.pause()
        with pytest.raises(StoreUnavailable):
            await consumers.read("g", "a", 2)
        server.resume()

        async def given() -> bool:
            count, *_ = await raw(server, "XPENDING", "s", "g")
            return bool(count == 4)

        await until(given)
        assert await consumers.read("g", "a", 1) == entries[2:3]
        assert await consumers.read("g", "a", 9) == entries[3:4]
        assert await consumers.read("g", "a", 9) == entries[4:]
        assert await consumers.read("g", "a", 9) == []
        assert await consumers.ack("g", [entry.id for entry in entries]) == 5


async def test_entries_of_a_lost_reclaim_are_given_by_the_next_read(server: RedisServer) -> None:
    config = config_at(server, timeout_s=0.3)
    async with RedisStream(config, "s") as stream, RedisConsumers(stream) as consumers:
        entries = await filled(stream, 3)
        assert await consumers.read("g", "dead", 3) == entries
        assert await consumers.reclaim("g", "a", 60.0, 9) == [], "the server knows the script"
        server.pause()
        with pytest.raises(StoreUnavailable):
            await consumers.reclaim("g", "a", 0, 9)
        server.resume()

        async def claimed() -> bool:
            *_, names = await raw(server, "XPENDING", "s", "g")
            return bool(names == [[b"a", b"3"]])

        await until(claimed)
        assert await consumers.reclaim("g", "a", 0, 9) == [], "it is its own now"
        assert await consumers.read("g", "a", 9) == entries


async def test_waiting_takes_nothing_when_it_is_cancelled(
    redis_server: Server, stream: RedisStream, consumers: RedisConsumers
) -> None:
    reading = asyncio.ensure_future(consumers.read("g", "a", 9, 30.0))

    async def known() -> bool:
        return "g" in await consumers.positions()

    await until(known)
    reading.cancel()
    await asyncio.wait({reading})
    entries = await filled(stream, 2)
    assert await raw(redis_server, "XPENDING", stream.stream_key, "g", "-", "+", 10) == []
    assert await consumers.read("g", "b", 9) == entries


async def test_a_group_that_waits_outlives_a_restart(server: RedisServer) -> None:
    async with (
        RedisStream(config_at(server), "s") as stream,
        RedisConsumers(stream) as consumers,
    ):
        first = await filled(stream, 2)
        assert await consumers.read("g", "a", 1) == first[:1]
        server.kill()
        server.start()
        await raw(server, "PING")
        assert await consumers.read("g", "a", 9) == first[1:]
        assert await consumers.ack("g", [entry.id for entry in first]) == 2


async def test_entries_trimmed_while_owed_are_told_until_they_are_acknowledged(
    stream: RedisStream, consumers: RedisConsumers
) -> None:
    entries = await filled(stream, 6)
    await consumers.read("g", "dead", 4)
    await stream.trim(entries[1].id)
    assert await consumers.reclaim("g", "a", 0, 1) == entries[2:3]
    assert await consumers.reclaim("g", "a", 0, 9) == entries[3:4]
    for _ in range(2):
        with pytest.raises(CorruptData, match=f"2 entries were trimmed.*{entries[0].id}"):
            await consumers.reclaim("g", "a", 0, 9)
    assert (await consumers.positions())["g"] < entries[0].id
    assert await consumers.ack("g", [entry.id for entry in entries[:2]]) == 2
    assert await consumers.reclaim("g", "a", 0, 9) == []
    assert (await consumers.positions())["g"] < entries[2].id
    assert await consumers.read("g", "a", 9) == entries[4:]


async def test_a_bad_entry_is_told_until_it_is_acknowledged(
    redis_server: Server, stream: RedisStream, consumers: RedisConsumers
) -> None:
    good = await stream.append([b"good"])
    bad = await raw(redis_server, "XADD", stream.stream_key, "*", "a", "1", "b", "2")
    last = await stream.append([b"last"])
    assert await consumers.read("g", "a", 9) == [Entry(good, b"good")]
    for _ in range(2):
        with pytest.raises(CorruptData, match=bad.decode()):
            await consumers.read("g", "a", 9)
    assert await consumers.ack("g", [good, Position.parse(bad.decode())]) == 2
    assert await consumers.read("g", "a", 9) == [Entry(last, b"last")]
    assert await consumers.read("g", "a", 9) == []


async def test_reclaiming_finds_what_lies_behind_many_of_ones_own(
    stream: RedisStream, consumers: RedisConsumers
) -> None:
    entries = await filled(stream, 350)
    assert await consumers.read("g", "a", 250) == entries[:250]
    assert await consumers.read("g", "b", 100) == entries[250:]
    assert await consumers.reclaim("g", "a", 0, 60) == entries[250:310]
    assert await consumers.reclaim("g", "a", 0, 1000) == entries[310:]


async def test_positions_are_exact(stream: RedisStream, consumers: RedisConsumers) -> None:
    entries = await filled(stream, 4)
    await consumers.read("g", "a", 3)
    await consumers.read("h", "a", 1)
    await consumers.ack("g", [entries[0].id, entries[2].id])
    below = Position(entries[1].id.ms, entries[1].id.seq - 1)
    assert await consumers.positions() == {
        "g": below,
        "h": Position(entries[0].id.ms - 1, 2**64 - 1),
    }
    await consumers.ack("g", [entries[1].id])
    await consumers.ack("h", [entries[0].id])
    assert await consumers.positions() == {"g": entries[2].id, "h": entries[0].id}


def test_groups_over_a_stream_that_is_not_in_redis_are_refused() -> None:
    with pytest.raises(SettingsError, match="MemoryStream"):
        RedisConsumers(MemoryStream())
