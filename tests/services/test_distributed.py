"""The distributed mode, Redis and PostgreSQL: everything that was answered is in the database."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from pathlib import Path
from random import Random

import pytest

from pmengine.engine import ID_MEMORY_S
from pmengine.services.verifying import open_verifier
from pmstore import OrderQuery, StorageSettings, TradeQuery, open_stores, open_stores_to_read
from pmstore.queries import all as all_of
from pmstore.testing.servers import PostgresServer, RedisServer, free_port
from tests.services.fleet import Fleet, over_both
from tests.trips.traders import Traders

FLOW_S = 2.0
FLOW = 120
"""Orders that are answered at least, however long that takes."""
LINES_MAX = 200


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_stores_hold_what_was_answered_and_the_logs_no_secret_and_no_order(
    tmp_path: Path,
) -> None:
    password = secrets.token_hex(8)
    port = free_port()
    logs = tmp_path / "logs"
    with (
        RedisServer(tmp_path / "redis", options=("--requirepass", password)) as redis,
        PostgresServer(tmp_path / "postgres") as postgres,
    ):
        postgres.create_database("exchange")
        environ = over_both(
            redis,
            postgres,
            "exchange",
            REDIS_PASSWORD=password,
            API_PORT=str(port),
            API_ORDER_TIMEOUT_SECONDS="60",
            ENGINE_LEASE_S="1",
            LOG_LEVEL="DEBUG",
            LOG_FILE=str(logs / "pm.log"),
        )
        traders = Traders(Random(1))
        url = f"http://127.0.0.1:{port}"
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            engine = await fleet.run("engine")
            rest = await fleet.run("relay store history depth api")
            await engine.ready()
            await rest.ready()
            await traders.set_up(url)
            flowing = await traders.begin(url, FLOW_S, FLOW)
            postgres.kill()
            await asyncio.sleep(FLOW_S / 4)
            postgres.restart()
            redis.kill()
            await asyncio.sleep(FLOW_S / 4)
            redis.restart()
            await asyncio.sleep(FLOW_S)
            flowing.cancel()
            await asyncio.gather(flowing, return_exceptions=True)
            await rest.ready()
            await rest.until("history", lag=0)
            await engine.stop()
            await rest.stop()
        settings = StorageSettings(
            database_enabled=True,
            database_host=postgres.host,
            database_port=postgres.port,
            database_name="exchange",
            database_user=postgres.user,
            database_password=postgres.password,
            redis_enabled=True,
            redis_host=redis.host,
            redis_port=redis.port,
            redis_password=password,
            trade_log_path=tmp_path / "looked.log",
        )
        async with open_stores(settings=settings) as stores:
            kept = {order.id: order async for order in all_of(stores.orders, OrderQuery())}
            trades = [trade async for trade in all_of(stores.trades, TradeQuery(limit=1000))]
        async with open_stores_to_read(settings=settings) as looked_at:
            verifier, through = await open_verifier(looked_at, id_memory_s=ID_MEMORY_S)
            report = await verifier.run(through=through)
        assert report.breaches == []
        assert report.compared["ledger_lines"] > len(trades)
        database_password = postgres.password
    answered = [one for one in traders.orders.values() if one.order_id is not None]
    assert len(answered) > 50
    for one in answered:
        assert one.order_id is not None
        assert kept[one.order_id].client_order_id == one.client_order_id
        assert kept[one.order_id].filled_quantity >= one.filled
    assert len({trade.trade_id for trade in trades}) == len(trades) > 0

    written = {path.name: path.read_text() for path in logs.iterdir() if path.suffix != ".lock"}
    assert {"pm-engine.log", "pm-relay-store-history-depth-api.log"} <= written.keys()
    said = "".join(written.values())
    for secret in (password, database_password):
        assert secret not in said
    lines = [json.loads(line) for line in said.splitlines()]
    assert {"engine_leads", "store_unavailable"} <= {line["event"] for line in lines}
    assert {line["process"] for line in lines} == {"engine", "relay store history depth api"}
    for one in answered:
        assert one.order_id is not None
        assert one.order_id not in said
    told = [line for line in lines if line["level"] != "debug"]
    assert len(told) < LINES_MAX, "no line for each order"


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_redis_that_came_back_from_an_older_dump_is_gone_on_from(tmp_path: Path) -> None:
    port = free_port()
    traders = Traders(Random(2))
    url = f"http://127.0.0.1:{port}"
    with (
        RedisServer(tmp_path / "redis") as redis,
        PostgresServer(tmp_path / "postgres") as postgres,
    ):
        postgres.create_database("exchange")
        environ = over_both(
            redis,
            postgres,
            "exchange",
            API_PORT=str(port),
            API_ORDER_TIMEOUT_SECONDS="60",
            ENGINE_LEASE_S="1",
        )
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            process = await fleet.run("engine relay store history depth api")
            await process.ready()
            await traders.set_up(url)
            await flow(traders, url)
            redis.kill()
            shutil.copytree(tmp_path / "redis", tmp_path / "dump")
            redis.start()
            await process.ready()
            await flow(traders, url)
            end = (await process.until("history", lag=0))["number"]
            async with asyncio.timeout(30):
                while f"snapshot: at entry {end}" not in (await process.until("store"))["reason"]:
                    await asyncio.sleep(0.05)
            redis.kill()
            shutil.rmtree(tmp_path / "redis")
            shutil.copytree(tmp_path / "dump", tmp_path / "redis")
            redis.start()
            # The snapshot in the database is beyond the log: it goes on above it.
            async with asyncio.timeout(30):
                while (await process.until("history"))["number"] <= end:
                    await asyncio.sleep(0.05)
            await process.ready()
            assert "log_lost_its_tail" in process.text()
            answered = [one for one in traders.orders.values() if one.answered]
            assert len(answered) > 50
            await traders.ask_again(url, answered[-10:])
            await flow(traders, url)
            await process.until("history", lag=0)
            await process.until("depth", lag=0)
            await process.stop()


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_services_start_before_their_servers(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path / "redis")
    with PostgresServer(tmp_path / "postgres") as postgres:
        postgres.create_database("exchange")
        postgres.kill()
        async with Fleet(tmp_path / "fleet", over_both(redis, postgres, "exchange")) as fleet:
            process = await fleet.run("api depth store history relay engine")
            assert not (await process.vitals())["ready"]
            with redis:
                await process.until("relay", ready=True)
                assert not (await process.vitals())["ready"]
                postgres.start()
                await process.ready()
                await process.stop()


async def flow(traders: Traders, url: str) -> None:
    """Trade for a while; every request under way is answered or left."""
    flowing = await traders.begin(url, FLOW_S / 2, FLOW)
    flowing.cancel()
    await asyncio.gather(flowing, return_exceptions=True)
