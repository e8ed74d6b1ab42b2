"""Into how many shards data is divided is kept with the data, and no start passes it over."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from pmengine.processes.layout import (
    Layout,
    claim_layout,
    find_layout,
    shards_to_read,
    write_layout,
)
from pmengine.processes.sharing import require_one_shard
from pmengine.services.log import STORE_STREAM
from pmengine.settings import Settings
from pmstore import Conflict, SettingsError, open_stream
from pmstore.settings import read_settings
from pmstore.testing.servers import RedisServer


@pytest.fixture
def settings(redis_server: RedisServer, request: pytest.FixtureRequest) -> Settings:
    url = f"{redis_server.url}?prefix=layout-{abs(hash(request.node.name))}"
    names = ("STREAMS", "SNAPSHOTS", "ORDERS", "TRADES")
    return read_settings(Settings, environ={f"PMSTORE_{name}_URL": url for name in names})


async def test_the_first_start_says_it_and_others_are_refused(settings: Settings) -> None:
    two, three = (attrs.evolve(settings, shards=shards) for shards in (2, 3))
    assert await find_layout(settings) is None
    layout = await claim_layout(two)
    assert layout == Layout(generation=1, shards=2) == await claim_layout(two)
    for other in (settings, three):
        with pytest.raises(SettingsError, match="the data at .* is that of 2"):
            await claim_layout(other)
        with pytest.raises(SettingsError, match=f"pmengine reshard {other.shards}"):
            await shards_to_read(other)


async def test_of_two_first_starts_one_is_right(settings: Settings) -> None:
    two = attrs.evolve(settings, shards=2)
    claims = [claim_layout(one) for one in (settings, two) * 4]
    found = await asyncio.gather(*claims, return_exceptions=True)
    layouts = [one for one in found if isinstance(one, Layout)]
    assert len(layouts) == 4
    assert len(set(map(repr, layouts))) == 1
    assert sum(isinstance(one, SettingsError) for one in found) == 4


async def test_data_from_before_layouts_is_whole(settings: Settings) -> None:
    storage = settings.storage
    async with open_stream(storage.streams, STORE_STREAM) as log:
        await log.append([b"{}"])
    with pytest.raises(SettingsError):
        await claim_layout(attrs.evolve(settings, shards=2))
    assert await claim_layout(settings) == Layout(generation=0, shards=1)
    [place] = await shards_to_read(settings)
    assert place.storage == storage


async def test_data_is_divided_anew_only_by_who_knows_how_it_was(settings: Settings) -> None:
    whole = await claim_layout(settings)
    after = Layout(generation=1, shards=2)
    await write_layout(settings, whole, after)
    with pytest.raises(Conflict):
        await write_layout(settings, whole, Layout(generation=2, shards=3))
    two = attrs.evolve(settings, shards=2)
    assert await claim_layout(two) == after
    places = [str(one.storage.streams) for one in await shards_to_read(two)]
    assert [place.partition("prefix=")[2].rpartition(".")[2] for place in places] == [
        "g1s0",
        "g1s1",
    ]


def test_a_shard_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="ENGINE_SHARD: 2 is none of ENGINE_SHARDS=2"):
        read_settings(Settings, environ={"ENGINE_SHARD": "2", "ENGINE_SHARDS": "2"})


def test_one_process_is_one_shard() -> None:
    require_one_shard(Settings())
    with pytest.raises(SettingsError, match="ENGINE_SHARDS: it is 2, and this is one process"):
        require_one_shard(Settings(shards=2))
