"""What a group in JetStream makes of entries that were trimmed, and of being forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pmstore import START, CorruptData
from pmstore_nats import NatsConfig, NatsConsumers, NatsStream

HEARD_S_MAX = 30.0


@pytest.fixture
def config(server: Any, tmp_path: Path) -> NatsConfig:
    return NatsConfig(host=server.host, port=server.port, prefix=tmp_path.name)


async def test_what_was_trimmed_while_it_was_owed_is_named(config: NatsConfig) -> None:
    async with NatsStream(config, "s") as stream, NatsConsumers(config, stream) as groups:
        for payload in (b"a", b"b", b"c"):
            await stream.append([payload])
        first, second, third = await groups.read("g", "one", 3)
        await stream.trim(second.id)
        assert await groups.reclaim("g", "two", 0.0, 9) == [third]
        with pytest.raises(CorruptData) as caught:
            await groups.reclaim("g", "two", 0.0, 9)
        assert caught.value.position == (first.id.ms, first.id.seq)
        assert await groups.ack("g", [first.id, second.id]) == 2
        assert await groups.reclaim("g", "two", 0.0, 9) == []


async def test_a_group_that_is_forgotten_under_a_reader_begins_at_the_beginning(
    config: NatsConfig,
) -> None:
    async with (
        NatsStream(config, "s") as stream,
        NatsConsumers(config, stream) as groups,
        NatsConsumers(config, stream) as other,
    ):
        await stream.append([b"a", b"b"])
        assert len(await groups.read("g", "one", 9)) == 2
        waiting = asyncio.create_task(groups.read("g", "one", 9, HEARD_S_MAX))
        await asyncio.sleep(0)
        await other.forget("g")
        assert await other.read("g", "two", 1) == await stream.read(START, 1)
        await stream.append([b"c"])
        got = [entry.payload for entry in await waiting]
        while more := await other.read("g", "two", 9):
            got += [entry.payload for entry in more]
        assert sorted(got) == [b"b", b"c"]
