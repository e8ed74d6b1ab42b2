"""What a stream in Redis makes of ids, of other producers' entries and of what others removed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import attrs
import pytest
from redis.asyncio import Redis

from pmstore import open_stream
from pmstore.backends.redis.client import RedisClient
from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.stream import RedisStream
from pmstore.errors import Conflict, CorruptData, InvalidRecord, SettingsError
from pmstore.models.position import EMPTY, START, Entry, Position
from pmstore.testing import ManualClock
from tests.redis.stream_places import Server, config_at, raw

FAR = 2**64 - 1


@pytest.fixture
def config(redis_server: Server, tmp_path: Path) -> RedisConfig:
    return config_at(redis_server, tmp_path.name)


def stream_of(config: RedisConfig, name: str = "store_stream") -> RedisStream:
    return RedisStream(config, name)


async def payloads(stream: RedisStream) -> list[bytes]:
    return [entry.payload for entry in await stream.read(START, 1000)]


@pytest.mark.parametrize(
    ("last", "wanted"),
    [
        (Position(2**53 - 1, 5), [Position(2**53 - 1, 6), Position(2**53 - 1, 7)]),
        (Position(2**63, 0), [Position(2**63, 1), Position(2**63, 2)]),
        (Position(FAR, 1), [Position(FAR, 2), Position(FAR, 3)]),
        (
            Position(10**14, 10**15 - 1),
            [Position(10**14, 10**15), Position(10**14, 10**15 + 1)],
        ),
        (Position(10**14, 10**15), [Position(10**14 + 1, 0), Position(10**14 + 1, 1)]),
        (Position(10**15 - 1, FAR), [Position(10**15, 0), Position(10**15, 1)]),
    ],
)
async def test_ids_behind_any_id_are_exact(
    redis_server: Server, config: RedisConfig, last: Position, wanted: list[Position]
) -> None:
    async with stream_of(config) as stream:
        await raw(redis_server, "XADD", stream.stream_key, str(last), "any", "theirs")
        assert await stream.append([b"a", b"b"]) == wanted[-1]
        assert await stream.read(last, 10) == [Entry(wanted[0], b"a"), Entry(wanted[1], b"b")]
        assert await stream.read(wanted[0], 10, 1.0) == [Entry(wanted[1], b"b")]


@pytest.mark.parametrize("last", [Position(FAR, FAR - 1), Position(10**15, 10**15)])
async def test_a_stream_without_an_id_for_a_batch_refuses_it_whole(
    redis_server: Server, config: RedisConfig, last: Position
) -> None:
    async with stream_of(config) as stream:
        await raw(redis_server, "XADD", stream.stream_key, str(last), "any", "theirs")
        with pytest.raises(CorruptData, match=f"{last}.*no id"):
            await stream.append([b"a", b"b"], epoch=7)
        assert await payloads(stream) == [b"theirs"]
        assert await raw(redis_server, "EXISTS", config.key_prefix + "epoch:store_stream") == 0


@pytest.mark.parametrize("seq", [0, 10**15 - 2, 10**15, FAR - 2, FAR - 1, FAR])
async def test_a_batch_in_the_millisecond_of_any_id_is_written_whole(
    redis_server: Server, config: RedisConfig, seq: int
) -> None:
    clock = ManualClock()
    last = Position(clock.now_ms, seq)
    async with RedisStream(config, "store_stream", clock=clock) as stream:
        await raw(redis_server, "XADD", stream.stream_key, str(last), "any", "theirs")
        wanted = await stream.append([b"a", b"b", b"c"])
        entries = await stream.read(last, 10)
        assert [entry.payload for entry in entries] == [b"a", b"b", b"c"]
        assert entries[-1].id == wanted
        assert wanted.ms <= clock.now_ms + 1


async def test_nothing_lies_behind_the_highest_id(config: RedisConfig) -> None:
    async with stream_of(config) as stream:
        await stream.append([b"a"])
        assert await stream.read(Position(FAR, FAR), 10) == []
        assert await stream.read(Position(FAR, FAR), 10, 0.01) == []
        await stream.trim(Position(FAR, FAR))
        assert await payloads(stream) == [b"a"]


async def test_ids_tell_the_servers_time(redis_server: Server, config: RedisConfig) -> None:
    async with stream_of(config) as stream:
        before = await raw(redis_server, "TIME")
        last = await stream.append([b"a"])
        after = await raw(redis_server, "TIME")
        assert _ms(before) <= last.ms <= _ms(after)


def _ms(time: list[bytes]) -> int:
    return int(time[0]) * 1000 + int(time[1]) // 1000


async def test_a_clock_from_zero_on_makes_ids_above_the_beginning(config: RedisConfig) -> None:
    async with RedisStream(config, "store_stream", clock=ManualClock(0)) as stream:
        assert await stream.append([b"a"]) > START


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("store_stream", b"store_key"),
        ("order_input_stream", b"order_input_key"),
        ("api_mq_stream", b"api_mq_key"),
        ("event-stream", b"event-stream"),
    ],
)
async def test_entries_have_the_field_of_their_stream(
    redis_server: Server, config: RedisConfig, name: str, field: bytes
) -> None:
    async with stream_of(config, name) as stream:
        await stream.append([b"a"])
        found = await raw(redis_server, "XRANGE", config.key_prefix + name, "-", "+")
        assert [fields for _, fields in found] == [[field, b"a"]]
    async with RedisStream(attrs.evolve(config, field="other"), name) as stream:
        await stream.append([b"b"])
        found = await raw(redis_server, "XRANGE", config.key_prefix + name, "-", "+")
        assert found[-1][1] == [b"other", b"b"]
        assert await payloads(stream) == [b"a", b"b"]


async def test_entries_of_other_producers_are_taken(
    redis_server: Server, config: RedisConfig
) -> None:
    async with stream_of(config) as stream:
        await raw(redis_server, "XADD", stream.stream_key, "*", "data", '{"OrderCreated":{}}')
        await raw(redis_server, "XADD", stream.stream_key, "*", "", '[{"a":1},{"b":2}]')
        bounds = await stream.bounds()
        assert bounds is not None
        await stream.append([b"ours"], expect_head=bounds.last.head)
        assert await payloads(stream) == [b'{"OrderCreated":{}}', b'[{"a":1},{"b":2}]', b"ours"]


@pytest.mark.parametrize("fields", [("a", "1", "b", "2"), ("a", "1", "a", "2")])
async def test_an_entry_with_several_fields_is_corrupt_and_those_before_it_are_read(
    redis_server: Server, config: RedisConfig, fields: tuple[str, ...]
) -> None:
    async with stream_of(config) as stream:
        good = await stream.append([b"good"])
        bad = await raw(redis_server, "XADD", stream.stream_key, "*", *fields)
        where = f"{stream.stream_key} entry {bad.decode()}"
        assert await stream.read(START, 10) == [Entry(good, b"good")]
        assert await stream.read(START, 10, 1.0) == [Entry(good, b"good")]
        for call in (stream.read(good, 10), stream.read(good, 10, 1.0), stream.bounds()):
            with pytest.raises(CorruptData, match=where):
                await call
        with pytest.raises(CorruptData, match=bad.decode()):
            await stream.append([b"x"], expect_head=Entry(good, b"good").head)
        last = await stream.append([b"behind"])
        assert await stream.read(Position.parse(bad.decode()), 10) == [Entry(last, b"behind")]


async def test_a_stream_that_others_emptied_is_not_one_that_never_had_an_entry(
    redis_server: Server, config: RedisConfig
) -> None:
    async with stream_of(config) as stream:
        last = await stream.append([b"a"])
        bounds = await stream.bounds()
        assert bounds is not None
        await raw(redis_server, "XTRIM", stream.stream_key, "MAXLEN", 0)
        for head in (EMPTY, bounds.last.head):
            with pytest.raises(Conflict):
                await stream.append([b"b"], expect_head=head)
        with pytest.raises(CorruptData, match=str(last)):
            await stream.bounds()
        assert await stream.append([b"b"]) > last


async def test_a_group_on_an_unknown_stream_leaves_it_empty(
    redis_server: Server, config: RedisConfig
) -> None:
    async with stream_of(config) as stream:
        await raw(redis_server, "XGROUP", "CREATE", stream.stream_key, "g", "0", "MKSTREAM")
        assert await stream.bounds() is None
        await stream.append([b"a"], expect_head=EMPTY)
        assert await payloads(stream) == [b"a"]


async def test_trimming_is_exact_and_bounds_tell_a_reader_that_it_came_late(
    config: RedisConfig,
) -> None:
    async with stream_of(config) as stream:
        await stream.append([b"%d" % number for number in range(300)])
        entries = await stream.read(START, 1000)
        await stream.trim(entries[249].id)
        assert await stream.read(START, 1000) == entries[250:]
        await stream.trim(entries[10].id)
        assert await stream.read(START, 1000) == entries[250:]
        bounds = await stream.bounds()
        assert bounds is not None
        after = entries[100].id
        assert bounds.first.id > entries[101].id, "what a reader at `after` has missed"
        assert (await stream.read(after, 1))[0] == bounds.first


async def test_large_entries_come_out_as_they_went_in(config: RedisConfig) -> None:
    large = bytes(range(256)) * 4096 * 16
    async with stream_of(config) as stream:
        first = await stream.append([large])
        assert await stream.read(START, 10, 1.0) == [Entry(first, large)]
        last = await stream.append([large, b"small"], expect_head=Entry(first, large).head)
        assert (await stream.read(first, 10))[-1] == Entry(last, b"small")


async def test_a_read_of_large_entries_answers_a_part_of_them_and_small_ones_all(
    config: RedisConfig,
) -> None:
    async with stream_of(config) as stream:
        for _ in range(3):
            await stream.append([bytes(60_000)] * 200)
        last = await stream.append([b"%d" % number for number in range(1_000)])
        after, parts = START, []
        while entries := await stream.read(after, 10_000, 0.01):
            parts.append(sum(len(entry.payload) for entry in entries))
            after = entries[-1].id
        assert after == last
        assert len(parts) >= 3
        assert max(parts) < 20_000_000
        small = Position(last.ms, last.seq - 999)
        assert len(await stream.read(small, 10_000)) == 999


async def test_a_bad_entry_behind_many_good_ones_withholds_none_of_them(
    redis_server: Server, config: RedisConfig
) -> None:
    async with stream_of(config) as stream:
        last = await stream.append([b"good"] * 128)
        await raw(redis_server, "XADD", stream.stream_key, "*", "a", "1", "b", "2")
        assert len(await stream.read(START, 1000)) == 128
        with pytest.raises(CorruptData):
            await stream.read(last, 1000)


async def test_a_key_of_another_kind_is_corrupt(redis_server: Server, config: RedisConfig) -> None:
    async with stream_of(config) as stream:
        await raw(redis_server, "SET", stream.stream_key, "text")
        for call in (
            stream.append([b"a"]),
            stream.read(START, 1),
            stream.read(START, 1, 0.1),
            stream.trim(Position(1, 0)),
            stream.bounds(),
        ):
            with pytest.raises(CorruptData):
                await call
        assert await raw(redis_server, "GET", stream.stream_key) == b"text"


async def test_an_epoch_that_is_none_is_corrupt(redis_server: Server, config: RedisConfig) -> None:
    async with stream_of(config) as stream:
        await stream.append([b"a"], epoch=2**63 - 1)
        with pytest.raises(InvalidRecord):
            await stream.append([b"b"], epoch=2**63)
        await raw(redis_server, "SET", config.key_prefix + "epoch:store_stream", "many")
        with pytest.raises(CorruptData, match="epoch:store_stream"):
            await stream.append([b"b"], epoch=3)
        assert await payloads(stream) == [b"a"]


async def test_of_two_clients_that_expect_the_same_head_one_writes(config: RedisConfig) -> None:
    async with RedisClient(config) as one, RedisClient(config) as other:
        first = RedisStream(config, "store_stream", client=one)
        second = RedisStream(config, "store_stream", client=other)
        async with first, second:
            for turn in range(20):
                bounds = await first.bounds()
                at = EMPTY if bounds is None else bounds.last.head
                answers = await asyncio.gather(
                    first.append([b"first"], expect_head=at),
                    second.append([b"second"], expect_head=at),
                    return_exceptions=True,
                )
                assert {type(answer) for answer in answers} == {Conflict, Position}
                assert len(await second.read(START, 100)) == turn + 1
        # Leaving the streams leaves the callers' clients as they were.
        assert await one.call("PING") == b"PONG"


async def test_streams_of_a_place_do_not_mix(redis_server: Server, config: RedisConfig) -> None:
    async with stream_of(config, "a") as one, stream_of(config, "b") as other:
        await one.append([b"a"], epoch=9)
        await other.append([b"b"], epoch=1, expect_head=EMPTY)
        assert await payloads(one) == [b"a"]
        assert await payloads(other) == [b"b"]


@pytest.mark.parametrize("name", ["epoch", "lease", "orders"])
def test_a_stream_is_not_called_as_the_keys_beside_it(config: RedisConfig, name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        RedisStream(config, name)


async def test_the_url_of_a_stream_says_what_its_entries_field_is_called(
    redis_server: Server, config: RedisConfig
) -> None:
    url = f"{redis_server.url}?prefix={config.prefix}&field=data"
    async with open_stream(url, "store_stream") as stream:
        await stream.append([b"a"])
    found = await raw(redis_server, "XRANGE", config.key_prefix + "store_stream", "-", "+")
    assert [fields for _, fields in found] == [[b"data", b"a"]]


async def test_entries_are_there_for_ordinary_clients(
    redis_server: Server, config: RedisConfig
) -> None:
    async with stream_of(config) as stream, Redis.from_url(redis_server.url, protocol=2) as client:
        waiting = asyncio.ensure_future(client.xread({stream.stream_key: "0-0"}, block=10_000))
        last = await stream.append([b"a"])
        assert await waiting == [
            [stream.stream_key.encode(), [(str(last).encode(), {b"store_key": b"a"})]]
        ]
