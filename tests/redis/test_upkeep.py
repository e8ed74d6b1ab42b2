"""A place in Redis is counted, emptied and shortened, and its neighbours are left alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
import redis

from pmstore.backends.redis import (
    RedisAccountStore,
    RedisConfig,
    RedisEventStore,
    RedisLease,
    RedisOrderStore,
    RedisSnapshotStore,
    RedisStream,
    RedisTradeStore,
    pmstore_backend,
)
from pmstore.backends.redis.upkeep import RedisUpkeep
from pmstore.models.query import TradeQuery
from pmstore.testing.samples import START_MS, balance, event, order, snapshot, trade
from pmstore.testing.servers import RedisCluster, RedisServer
from pmstore.url import parse_url
from tests.redis.places import here

UPKEEP = RedisUpkeep()
ROOT: Final = Path(__file__).parents[2]
FILLED = {
    "orders": 3,
    "tombstones": 1,
    "trades": 4,
    "accounts": 1,
    "events": 1,
    "snapshots": 1,
    "streams": 1,
    "leases": 1,
}


async def fill(config: RedisConfig) -> None:
    async with (
        RedisOrderStore(config) as orders,
        RedisTradeStore(config) as trades,
        RedisAccountStore(config) as accounts,
        RedisEventStore(config) as events,
        RedisSnapshotStore(config) as snapshots,
        RedisStream(config, "store_stream") as stream,
        RedisLease(config) as lease,
    ):
        await orders.outbox.keep("caches")
        await orders.save([order(number) for number in range(4)])
        await orders.remove([("order_3", 9)])
        await trades.append([trade(number) for number in range(4)])
        await accounts.save([balance("user_1", "cash")])
        await events.save([(event(1), 1)])
        await snapshots.save(snapshot(1))
        await stream.append([b"x"])
        await lease.acquire("engine", 60.0)


async def test_a_place_is_counted_and_emptied_and_its_neighbour_is_not(
    redis_server: RedisServer, redis_cluster: RedisCluster
) -> None:
    for server in (redis_server, redis_cluster):
        config = here(server)
        neighbour = here(server, prefix=f"{config.prefix}-2")
        for each in (config, neighbour):
            await fill(each)
        assert await UPKEEP.contents(config) == FILLED
        await UPKEEP.wipe(config)
        await UPKEEP.wipe(config)
        assert await UPKEEP.contents(config) == {}
        assert await UPKEEP.contents(neighbour) == FILLED
        await fill(config)
        assert await UPKEEP.contents(config) == FILLED


async def test_a_place_without_a_prefix_is_what_we_name(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "server") as server:
        config, neighbour = here(server, prefix=""), here(server)
        for each in (config, neighbour):
            await fill(each)
        with redis.Redis(host=server.host, port=server.port) as client:
            client.set("somebody:else", 1)
            await UPKEEP.wipe(config)
            assert await UPKEEP.contents(config) == {}
            assert client.get("somebody:else") == b"1"
            left = {key for key in client.scan_iter() if not key.startswith(b"somebody")}
        assert left
        assert all(key.startswith(neighbour.prefix.encode()) for key in left)
        assert await UPKEEP.contents(neighbour) == FILLED


async def test_every_stream_of_an_exchange_goes_with_its_place(tmp_path: Path) -> None:
    names = streams_of_an_exchange()
    assert "settlement_stream" in names
    with RedisServer(tmp_path / "server") as server:
        config = here(server, prefix="")
        for name in names:
            async with RedisStream(config, name) as stream:
                await stream.append([b"x"])
        assert await UPKEEP.contents(config) == {"streams": len(names)}
        await UPKEEP.wipe(config)
        with redis.Redis(host=server.host, port=server.port) as client:
            assert list(client.scan_iter()) == []


def test_every_stream_that_the_exchange_has_is_on_the_page_of_streams() -> None:
    quoted = re.compile(r'^[A-Z_]+: Final = "([a-z_]+_stream|event-stream)"$', re.MULTILINE)
    sources = (ROOT / "src" / "pmengine").rglob("*.py")
    found = {name for path in sources for name in quoted.findall(path.read_text("utf-8"))}
    assert found == streams_of_an_exchange()


def streams_of_an_exchange() -> set[str]:
    """The names in the first column of the page's table."""
    page = (ROOT / "docs" / "reference" / "streams.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([a-z_-]+)`", row)}


async def test_old_trades_go_with_all_that_names_them(redis_server: RedisServer) -> None:
    config = here(redis_server)
    async with RedisTradeStore(config) as trades:
        await trades.append([trade(number) for number in range(50)])
        assert await UPKEEP.prune_trades(config, START_MS + 30) == 30
        assert await UPKEEP.prune_trades(config, START_MS + 30) == 0
        held = [one.trade_id for one in (await trades.find(TradeQuery())).items]
        assert held == list(range(49, 29, -1))
        with redis.Redis.from_url(redis_server.url) as server:
            for key in server.scan_iter(f"{config.key_prefix}*_trades:*"):
                for member in server.zrange(key, 0, -1):
                    assert int(member[:20]) >= START_MS + 30


@pytest.mark.parametrize("url", ["redis://:secret@host:1/3?ttl_s=5", "redis+cluster://host"])
def test_a_scratch_place_is_the_same_server_under_a_prefix(url: str) -> None:
    backend = pmstore_backend()
    assert backend.scratch is not None
    scratch = backend.scratch(parse_url(url), "verify_ab12_1")
    config = backend.config(scratch)
    assert config.prefix == "verify_ab12_1"
    assert attrs_of(config) == attrs_of(backend.config(parse_url(url)))


def attrs_of(config: RedisConfig) -> tuple[object, ...]:
    return (*config.address, config.password, config.database, config.ttl_s, config.is_cluster)
