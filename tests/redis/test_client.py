"""The traps of a Redis client: freezing, restarting, cancelling, running out of connections."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest
import redis

from pmstore.backends.redis import RedisClient, RedisOrderStore, RedisStream
from pmstore.backends.redis.scripts import Script
from pmstore.errors import CorruptData, StoreClosed, StoreUnavailable, WriteOutcome
from pmstore.models.position import START, Position
from pmstore.testing.samples import order
from pmstore.testing.servers import RedisServer
from tests.redis.places import here

INCREMENT = Script("return redis.call('INCR', KEYS[1])")
SLOW = Script(
    "local till = redis.call('TIME')[1] + 2 while redis.call('TIME')[1] + 0 < till do end"
)


async def test_a_write_to_a_frozen_server_is_sent_once_and_its_outcome_is_unknown(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path / "server") as server:
        async with RedisClient(here(server, timeout_s=0.3)) as client:
            await client.call("SET", "count", 0)
            server.pause()
            for call in (client.call("INCR", "count"), client.run(INCREMENT, ["count"], [])):
                with pytest.raises(StoreUnavailable) as caught:
                    await call
                assert caught.value.retryable
            server.resume()
            # The first was sent and the second not: a new connection gets no answer either.
            async with asyncio.timeout(30):
                while await client.call("GET", "count", writes=False) == b"0":
                    pass
            assert await client.call("GET", "count", writes=False) == b"1"


async def test_an_outcome_is_known_as_far_as_it_can_be(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "server")
    with pytest.raises(StoreUnavailable) as refused:
        async with RedisOrderStore(here(server)):
            pass
    assert refused.value.outcome is WriteOutcome.NOT_APPLIED
    with server:
        async with RedisOrderStore(here(server, timeout_s=0.3)) as orders:
            server.pause()
            with pytest.raises(StoreUnavailable) as sent:
                await orders.save([order(1)])
            assert sent.value.outcome is WriteOutcome.UNKNOWN
            with pytest.raises(StoreUnavailable) as unsent:
                await orders.save([order(2)])
            assert unsent.value.outcome is WriteOutcome.NOT_APPLIED
            with pytest.raises(StoreUnavailable) as read:
                await orders.get(["order_1"])
            assert read.value.outcome is WriteOutcome.NOT_APPLIED
            server.resume()


async def test_a_restarted_server_is_found_again_by_the_first_call(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "server") as server:
        async with RedisOrderStore(here(server, pool_size=3, min_idle_conns=3)) as orders:
            await orders.save([order(1)])
            for empty in (False, True):
                server.kill()
                with pytest.raises(StoreUnavailable) as caught:
                    await orders.save([order(2)])
                assert caught.value.outcome is WriteOutcome.NOT_APPLIED
                server.restart(empty=empty)
                await orders.save([order(2)])
                held = {"order_2"} if empty else {"order_1", "order_2"}
                assert set(await orders.get(["order_1", "order_2"])) == held


async def test_what_was_acknowledged_survives_the_death_of_the_server(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "server") as server:
        async with RedisOrderStore(here(server)) as orders:
            for turn in range(3):
                batch = [order(100 * turn + number) for number in range(100)]
                await orders.save(batch)
                await orders.remove([(batch[0].id, 9)])
                server.kill()
                server.restart()
                ids = [f"order_{number}" for number in range(100 * (turn + 1))]
                assert len(await orders.get(ids)) == 99 * (turn + 1)


async def test_a_cancelled_call_leaves_no_answer_for_the_next_one(
    redis_server: RedisServer,
) -> None:
    async with RedisClient(here(redis_server, pool_size=1)) as client:
        for number in range(200):
            call = asyncio.ensure_future(client.call("ECHO", f"mine-{number}", writes=False))
            for _ in range(number % 20):
                await asyncio.sleep(0)
            call.cancel()
            answers = await asyncio.gather(call, return_exceptions=True)
            assert isinstance(answers[0], asyncio.CancelledError) or answers == [
                f"mine-{number}".encode()
            ]
            assert await client.call("ECHO", "next", writes=False) == b"next"


async def test_calls_beyond_the_pool_wait(redis_server: RedisServer) -> None:
    async with RedisClient(here(redis_server, pool_size=2, timeout_s=30)) as client:
        answers = await asyncio.gather(
            *(client.call("ECHO", number, writes=False) for number in range(50))
        )
        assert answers == [str(number).encode() for number in range(50)]
        clients = await client.call("CLIENT", "LIST", writes=False)
        assert clients.count(b"cmd=echo") <= 2


async def test_a_call_that_got_no_connection_was_not_sent(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "server") as server:
        async with RedisClient(here(server, pool_size=1, timeout_s=0.5)) as client:
            server.pause()
            first = asyncio.ensure_future(client.call("PING"))
            await asyncio.sleep(0)
            with pytest.raises(StoreUnavailable) as caught:
                await client.call("PING")
            assert caught.value.outcome is WriteOutcome.NOT_APPLIED
            with pytest.raises(StoreUnavailable):
                await first
            server.resume()


async def test_waiting_readers_take_no_connection_from_callers(redis_server: RedisServer) -> None:
    config = here(redis_server, pool_size=1)
    async with RedisStream(config, "log") as stream:
        waiting = [asyncio.ensure_future(stream.read(START, 10, 20.0)) for _ in range(5)]
        await stream.append([b"x"])
        for reader in waiting:
            assert [entry.payload for entry in await reader] == [b"x"]


async def test_a_script_runs_where_it_is_not_known_and_where_it_was_forgotten(
    redis_server: RedisServer,
) -> None:
    config = here(redis_server)
    async with RedisClient(config) as client:
        key = f"{config.key_prefix}count"
        assert await client.run(INCREMENT, [key], []) == 1
        await client.call("SCRIPT", "FLUSH")
        assert await client.run(INCREMENT, [key], []) == 2
        assert await client.run(INCREMENT, [key], []) == 3


async def test_stores_of_one_server_share_their_connections_and_close_them_last(
    redis_server: RedisServer,
) -> None:
    config = here(redis_server)
    async with RedisOrderStore(config) as first:
        async with RedisOrderStore(here(redis_server)) as second:
            assert first.client is second.client
        await first.save([order(1)])
    client = RedisClient(config)
    async with client:
        async with RedisOrderStore(config, client=client) as third:
            assert set(await third.get(["order_1"])) == {"order_1"}
        assert await client.call("PING") == b"PONG"
    with pytest.raises(StoreClosed):
        await client.call("PING")


async def test_a_key_of_another_kind_is_corrupt_data_and_its_batch_is_not_saved(
    redis_server: RedisServer,
) -> None:
    for name in ("orders:headers", "orders", "user_orders:user_1", "orders:sources"):
        config = here(redis_server)
        with redis.Redis.from_url(redis_server.url) as server:
            server.sadd(f"{config.key_prefix}{name}", "what the seeds keep there")
            async with RedisOrderStore(config) as orders:
                with pytest.raises(CorruptData):
                    await orders.apply([order(0), order(1)], source="a", position=Position(1, 0))
                assert await orders.get(["order_0", "order_1"]) == {}
            names = [key.decode() for key in server.scan_iter(f"{config.key_prefix}*")]
            assert names == [f"{config.key_prefix}{name}"]


async def test_what_a_server_refuses_is_said_and_was_not_done(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "master") as master, RedisServer(tmp_path / "replica") as replica:
        async with (
            RedisOrderStore(here(master)) as full,
            RedisOrderStore(here(replica)) as read_only,
        ):
            with (
                redis.Redis(host=master.host, port=master.port) as server,
                redis.Redis(host=replica.host, port=replica.port) as other,
            ):
                server.config_set("maxmemory", 1)
                other.replicaof(master.host, str(master.port))
            for store, word in ((full, "OOM"), (read_only, "READONLY")):
                with pytest.raises(StoreUnavailable, match=word) as caught:
                    await store.save([order(1)])
                assert caught.value.outcome is WriteOutcome.NOT_APPLIED
                assert await store.get(["order_1"]) == {}


async def test_a_busy_server_is_unavailable_and_did_nothing(tmp_path: Path) -> None:
    options = ("--lua-time-limit", "10")
    with RedisServer(tmp_path / "server", options=options) as server:
        async with RedisClient(here(server, timeout_s=10)) as client:
            busy = asyncio.ensure_future(client.run(SLOW, [], []))
            refused: StoreUnavailable | None = None
            while refused is None and not busy.done():
                try:
                    await client.call("INCR", "count")
                except StoreUnavailable as error:
                    refused = error
            await busy
            assert refused is not None
            assert "BUSY" in str(refused)
            assert refused.outcome is WriteOutcome.NOT_APPLIED
            assert refused.retryable


async def test_what_the_server_refuses_leaves_nothing_to_the_garbage_collector(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path / "server") as server:
        async with RedisClient(here(server)) as client:
            await client.call("SET", "text", "no number")
            gc.collect()
            gc.disable()
            try:
                for _ in range(3):
                    for call in (
                        client.call("INCR", "text"),
                        client.call("LRANGE", "text", 0, 1, writes=False),
                        client.run(INCREMENT, ["text"], []),
                    ):
                        with pytest.raises((StoreUnavailable, CorruptData)):
                            await call
                await asyncio.sleep(0)
                left = [
                    one
                    for one in gc.get_objects()
                    if issubclass(type(one), redis.exceptions.RedisError)
                ]
                assert left == []
            finally:
                gc.enable()


async def test_a_key_of_another_kind_is_named(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "server") as server:
        async with RedisClient(here(server)) as client:
            await client.call("LPUSH", "mine", "x")
            with pytest.raises(CorruptData, match="redis://.* mine: a key of ours holds"):
                await client.run(INCREMENT, ["mine"], [])
