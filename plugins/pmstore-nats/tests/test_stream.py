"""What a stream in JetStream makes of other programs' messages, and of a lost server."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import nats
import pytest

from pmstore import EMPTY, START, Conflict, CorruptData, LimitExceeded, Position, open_stream
from pmstore_nats import NatsConfig, NatsStream


@pytest.fixture
def config(server: Any, tmp_path: Path) -> NatsConfig:
    return NatsConfig(host=server.host, port=server.port, prefix=tmp_path.name)


async def ask(config: NatsConfig, subject: str, payload: bytes, **headers: str) -> None:
    """Do something as another program."""
    client = await nats.connect(f"nats://{config.host}:{config.port}")
    await client.request(subject, payload, headers=headers or None)
    await client.close()


async def payloads(stream: Any) -> list[bytes]:
    return [entry.payload for entry in await stream.read(START, 100)]


async def test_messages_of_other_programs_are_entries(config: NatsConfig) -> None:
    async with NatsStream(config, "store_stream") as stream:
        await stream.append([b"a", b"b"], epoch=1)
        await ask(config, f"pmstore.{config.prefix}_store_stream", b"theirs")
        bounds = await stream.bounds()
        assert bounds is not None
        await stream.append([b"c"], expect_head=bounds.last.head)
        assert await payloads(stream) == [b"a", b"b", b"theirs", b"c"]


async def test_a_message_that_is_no_batch_is_corrupt(config: NatsConfig) -> None:
    async with NatsStream(config, "store_stream") as stream:
        subject = f"pmstore.{config.prefix}_store_stream"
        await ask(config, subject, b"abc", **{"Pm-Batch": "2"})
        with pytest.raises(CorruptData, match="message 1"):
            await stream.read(START, 1)


async def test_a_stream_that_others_emptied_is_not_one_that_never_had_an_entry(
    config: NatsConfig,
) -> None:
    async with NatsStream(config, "store_stream") as stream:
        last = await stream.append([b"a"])
        await ask(
            config, f"$JS.API.STREAM.PURGE.{config.prefix}_store_stream", json.dumps({}).encode()
        )
    async with NatsStream(config, "store_stream") as stream:
        with pytest.raises(Conflict):
            await stream.append([b"b"], expect_head=EMPTY)
        with pytest.raises(CorruptData):
            await stream.bounds()
        assert await stream.append([b"b"]) > last


async def test_a_batch_beyond_a_message_is_refused(config: NatsConfig) -> None:
    async with NatsStream(config, "store_stream") as stream:
        with pytest.raises(LimitExceeded, match="this server takes"):
            await stream.append([bytes(700_000)] * 2)
        assert await stream.bounds() is None


async def test_a_url_opens_it(config: NatsConfig) -> None:
    url = f"nats://{config.host}:{config.port}?prefix={config.prefix}"
    async with open_stream(url, "store_stream") as stream:
        await stream.append([b"a"])
        assert await payloads(stream) == [b"a"]


async def test_a_stream_that_begins_while_it_is_asked_for_is_whole(config: NatsConfig) -> None:
    async with NatsStream(config, "store_stream") as one, NatsStream(config, "store_stream") as two:
        asked = [asyncio.create_task(one.bounds()) for _ in range(20)]
        await two.append([b"a"])
        for bounds in await asyncio.gather(*asked):
            assert bounds is None or bounds.first.payload == b"a"


async def test_ids_are_of_the_servers_time_and_times_alone_find_their_place(
    config: NatsConfig,
) -> None:
    async with NatsStream(config, "store_stream") as stream:
        before_ms = int(time.time() * 1000)
        ids = []
        for payload in (b"a", b"b", b"c", b"d"):
            ids.append(await stream.append([payload, payload]))
            await asyncio.sleep(0.005)
        assert abs(ids[0].ms - before_ms) < 60_000
        assert ids == sorted(set(ids))
        for at, id in enumerate(ids):
            found = await stream.read(Position(id.ms, 0), 100)
            assert [entry.payload for entry in found] == [
                payload for payload in (b"a", b"b", b"c", b"d")[at:] for _ in range(2)
            ]
        await stream.trim(Position(ids[2].ms, 0))
        assert (await payloads(stream))[:2] == [b"c", b"c"]
        await stream.trim(Position(ids[3].ms + 1_000_000, 0))
        assert await payloads(stream) == [b"d", b"d"]


async def test_an_id_of_another_stream_of_the_name_hides_nothing(config: NatsConfig) -> None:
    async with NatsStream(config, "store_stream") as stream:
        for _ in range(5):
            old = await stream.append([b"old"])
    await ask(config, f"$JS.API.STREAM.DELETE.{config.prefix}_store_stream", b"")
    async with NatsStream(config, "store_stream") as stream:
        await asyncio.sleep(0.005)
        await stream.append([b"new"])
        assert [entry.payload for entry in await stream.read(old, 9)] == [b"new"]


async def test_times_do_not_go_back_with_the_servers_clock(config: NatsConfig) -> None:
    async with NatsStream(config, "store_stream") as stream:
        far_ms = int(time.time() * 1000) + 3_600_000
        subject = f"pmstore.{config.prefix}_store_stream"
        await ask(config, subject, b"as if it had been an hour ago", **{"Pm-After-Ms": str(far_ms)})
        first = (await stream.read(START, 1))[0].id
        assert first.ms == far_ms
        second = await stream.append([b"a"])
        third = await stream.append([b"b"])
        assert first < second < third
        assert third.ms == far_ms
