"""The shared cache: it may forget whatever it likes, and never answers what is not so."""

from __future__ import annotations

import secrets
from pathlib import Path

import redis

from pmstore.backends.redis import RedisCache, RedisConfig, RedisTradeWindow, redis_config
from pmstore.backends.redis.cache import STORED_BALANCES, STORED_EVENTS, STORED_ORDERS
from pmstore.models.order import Order
from pmstore.models.query import TradeQuery
from pmstore.testing.samples import START_MS, balance, event, order, trade
from pmstore.testing.servers import RedisCluster, RedisServer
from pmstore.url import parse_url

Server = RedisServer | RedisCluster


def here(server: Server, **more: object) -> RedisConfig:
    """A place of its own."""
    parameters = {"prefix": secrets.token_hex(8), "timeout_s": 2, **more}
    said = "&".join(f"{name}={value}" for name, value in parameters.items())
    return redis_config(parse_url(f"{server.url}?{said}"))


def cache_of(config: RedisConfig) -> RedisCache[str, Order]:
    return RedisCache(STORED_ORDERS, config)


def keys_of(server: RedisServer, config: RedisConfig, part: str) -> list[bytes]:
    """The keys of a place whose names hold *part*."""
    with redis.Redis.from_url(server.url) as client:
        return [key for key in client.scan_iter(f"{config.key_prefix}*") if part.encode() in key]


async def test_a_miss_gives_the_right_to_fill_to_one_and_a_hit_to_nobody(
    redis_cluster: RedisCluster,
) -> None:
    async with cache_of(here(redis_cluster)) as cache:
        found, token = await cache.lookup(["order_1", "order_2"])
        assert found == {}
        _, late = await cache.lookup(["order_1"])
        assert await cache.put(late, [order(1, version=1)]) == set()
        assert await cache.put(token, [order(1, version=2)]) == {"order_1"}
        assert await cache.put(token, [order(1, version=3)]) == set(), "used up"
        found, token = await cache.lookup(["order_1", "order_1"])
        assert found == {"order_1": order(1, version=2)}
        assert token == ""


async def test_every_kind_of_record_comes_out_as_it_went_in(redis_server: RedisServer) -> None:
    config = here(redis_server)
    async with (
        RedisCache(STORED_BALANCES, config) as balances,
        RedisCache(STORED_EVENTS, config) as events,
    ):
        row = balance("user {1}", "cash", version=2**63 - 1, available=-5)
        token = await balances.lease([("user {1}", "cash")])
        await balances.put(token, [row])
        assert (await balances.lookup([("user {1}", "cash")])).found == {("user {1}", "cash"): row}
        token = await events.lease([7])
        await events.put(token, [(event(7), 9)])
        assert (await events.lookup([7])).found == {7: (event(7), 9)}


async def test_a_lease_a_floor_and_a_clear_void_tokens(redis_server: RedisServer) -> None:
    async with cache_of(here(redis_server)) as cache:
        for void in (
            lambda: cache.lease(["order_1"]),
            lambda: cache.floor([("order_1", 1)]),
            lambda: cache.clear(),
        ):
            token = await cache.lease(["order_1"])
            await void()
            assert await cache.put(token, [order(1, version=5)]) == set()
            assert (await cache.lookup(["order_1"])).found == {}


async def test_a_floor_drops_what_is_older_and_refuses_it_later(
    redis_server: RedisServer,
) -> None:
    async with cache_of(here(redis_server)) as cache:
        token = await cache.lease(["order_1", "order_2"])
        await cache.put(token, [order(1, version=9), order(2, version=10)])
        await cache.floor([("order_1", 10), ("order_2", 10)])
        assert (await cache.lookup(["order_2"])).found == {"order_2": order(2, version=10)}
        found, token = await cache.lookup(["order_1"])
        assert found == {}
        assert await cache.put(token, [order(1, version=9)]) == set()
        await cache.floor([("order_1", 4)])
        token = await cache.lease(["order_1"])
        assert await cache.put(token, [order(1, version=9)]) == set(), "a floor does not sink"
        token = await cache.lease(["order_1"])
        assert await cache.put(token, [order(1, version=10)]) == {"order_1"}
        token = await cache.lease(["order_1"])
        assert await cache.put(token, [], absent=["order_1"]) == {"order_1"}
        assert (await cache.lookup(["order_1"])).found == {}


async def test_an_evicted_lease_voids_its_token_and_an_evicted_generation_everything(
    redis_server: RedisServer,
) -> None:
    config = here(redis_server)
    with redis.Redis.from_url(redis_server.url) as server:
        async with cache_of(config) as cache:
            token = await cache.lease(["order_1", "order_2"])
            await cache.put(token, [order(2)])
            server.delete(*keys_of(redis_server, config, ":l:"))
            assert await cache.put(token, [order(1)]) == set()
            token = await cache.lease(["order_1"])
            [generation] = [
                key for key in keys_of(redis_server, config, "cache:orders") if key.count(b":") == 3
            ]
            server.delete(generation)
            assert await cache.put(token, [order(1)]) == set()
            assert (await cache.lookup(["order_1", "order_2"])).found == {}


async def test_everything_has_a_time_to_live(redis_server: RedisServer) -> None:
    config = here(redis_server, ttl_s=100)
    with redis.Redis.from_url(redis_server.url) as server:
        async with cache_of(config) as cache, RedisTradeWindow(config) as window:
            token = await cache.lease(["order_1", "order_2", "order_3"])
            await cache.put(token, [order(1)])
            await cache.put(token, [order(2)], max_age_s=5)
            await cache.floor([("order_4", 3)])
            await window.put(await window.lease(), [trade(1)])
            lives = {key: server.pttl(key) for key in keys_of(redis_server, config, "")}
        assert len(lives) == 6
        assert all(0 < life <= 1_000_000 for life in lives.values()), lives
        assert all(life <= 5_000 for key, life in lives.items() if key.endswith(b"c:order_2"))


async def test_an_entry_is_no_older_than_its_token_allows(redis_server: RedisServer) -> None:
    async with cache_of(here(redis_server)) as cache:
        token = await cache.lease(["order_1"])
        await cache.put(token, [order(1)])
        token = await cache.lease(["order_1"])
        assert await cache.put(token, [order(1, version=2)], max_age_s=0.000_1) <= {"order_1"}
        assert (await cache.lookup(["order_1"])).found != {"order_1": order(1)}


async def test_what_an_earlier_start_of_the_server_held_is_never_answered(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "server") as server:
        config = here(server)
        async with cache_of(config) as cache, RedisTradeWindow(config) as window:
            token = await cache.lease(["order_1", "order_2"])
            await cache.put(token, [order(1)])
            turn = await window.lease()
            await window.put(turn, [trade(1)])
            await window.complete(turn, None)
            server.kill()
            server.restart()
            assert keys_of(server, config, "order_1"), "its data came back with it"
            assert (await cache.lookup(["order_1"])).found == {}
            assert await cache.put(token, [order(2)]) == set()
            assert not await window.put(turn, [trade(2)])
            assert await window.find(TradeQuery()) is None


async def test_a_cache_can_be_opened_while_its_server_is_away(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "server")
    async with cache_of(here(server)) as cache:
        server.start()
        try:
            assert (await cache.lookup(["order_1"])).found == {}
        finally:
            server.stop()


async def test_a_window_answers_what_it_can_prove(redis_server: RedisServer) -> None:
    async with RedisTradeWindow(here(redis_server, recent=5)) as window:
        turn = await window.lease()
        assert await window.lease() == turn
        await window.put(turn, [trade(number) for number in range(3, 6)])
        assert await window.find(TradeQuery(limit=1)) is None, "perhaps there are newer ones"
        assert await window.complete(turn, (START_MS + 3, 3))
        page = await window.find(TradeQuery(limit=2))
        assert page is not None
        assert page.items == (trade(5), trade(4))
        assert page.next is not None
        assert await window.find(TradeQuery(limit=3)) is None, "perhaps there are older ones"
        inside = await window.find(TradeQuery(start_ms=START_MS + 4))
        assert inside is not None
        assert inside.items == (trade(5), trade(4))
        assert inside.next is None
        below = await window.find(TradeQuery(limit=1), below=(START_MS + 5, 5))
        assert below is not None
        assert below.items == (trade(4),)
        await window.put(turn, [trade(number) for number in (1, 5, 6, 7, 8, 9)])
        page = await window.find(TradeQuery(limit=4))
        assert page is not None
        assert page.items == tuple(trade(number) for number in (9, 8, 7, 6))
        assert await window.find(TradeQuery(limit=5)) is None
        await window.clear()
        assert not await window.put(turn, [trade(9)])
        turn = await window.lease()
        assert await window.put(turn, [trade(1)])
        assert await window.complete(turn, None)
        page = await window.find(TradeQuery())
        assert page is not None
        assert page.items == (trade(1),)
