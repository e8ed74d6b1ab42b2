"""Events spread over two engines: real processes on one Redis, and on a Redis Cluster."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from pmengine.cli.exits import Exit
from pmengine.commands import ORDER_INPUT, Withdraw, encode_command
from pmengine.processes.layout import Layout
from pmengine.processes.resharding import Divided, reshard
from pmengine.services.dividing import CannotDivide
from pmengine.services.moving import move_id
from pmengine.settings import Settings
from pmengine.shards import SHARDS_MAX, home_of, shard_of
from pmstore import OrderQuery, StorageSettings, TradeQuery, open_stores, open_stream
from pmstore.queries import all as all_of
from pmstore.settings import read_settings
from pmstore.testing.servers import PostgresServer, RedisCluster, RedisServer, free_port
from tests.services.fleet import Fleet, ServiceProcess, over_both, over_redis
from tests.trips.http_client import Connection

SHARDS = 2
EVENTS = (1, 2)
FEES_EVENT = 3
USERS = ("anna", "bert")
READY_S_MAX = 120.0


@attrs.define
class Sharded:
    """The processes of two shards and one API."""

    fleet: Fleet
    port: int
    engines: list[ServiceProcess]
    rests: list[ServiceProcess]
    api: ServiceProcess

    @property
    def url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self.port}"

    async def ready(self) -> None:
        """Wait until orders are taken on every shard."""
        for process in (*self.engines, *self.rests, self.api):
            await process.ready()

    async def stop(self) -> None:
        """End everything as an operator does, with the stores where the logs are."""
        await self.api.stop()
        for engine in self.engines:
            await engine.stop()
        for rest in self.rests:
            await rest.until("history", lag=0)
            await rest.stop()


@asynccontextmanager
async def sharded(folder: Path, environ: Mapping[str, str], shards: int) -> AsyncIterator[Sharded]:
    """A deployment of so many shards, ready."""
    port = free_port()
    settings = {
        **environ,
        "ENGINE_SHARDS": str(shards),
        "API_PORT": str(port),
        "API_ORDER_TIMEOUT_SECONDS": "60",
        "ENGINE_LEASE_S": "1",
        "STORE_SNAPSHOT_INTERVAL_SECONDS": "0.5",
    }
    async with Fleet(folder, settings) as fleet:
        engines, rests = [], []
        for shard in range(shards):
            engines.append(await fleet.run("engine", ENGINE_SHARD=str(shard)))
            rests.append(await fleet.run("relay store history", ENGINE_SHARD=str(shard)))
        deployed = Sharded(fleet, port, engines, rests, await fleet.run("api"))
        await deployed.ready()
        yield deployed


@contextmanager
def redis_server(folder: Path) -> Iterator[dict[str, str]]:
    with RedisServer(folder) as server:
        yield over_redis(server.host, server.port)


@contextmanager
def redis_and_postgres(folder: Path) -> Iterator[dict[str, str]]:
    with RedisServer(folder / "redis") as redis, PostgresServer(folder / "postgres") as postgres:
        postgres.create_database("exchange")
        yield over_both(redis, postgres, "exchange")


@contextmanager
def redis_cluster(folder: Path) -> Iterator[dict[str, str]]:
    with RedisCluster(folder) as cluster:
        names = ("ORDERS", "TRADES", "STREAMS", "SNAPSHOTS")
        yield {f"PMSTORE_{name}_URL": cluster.url for name in names}


async def pmengine(
    *words: str, cwd: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", "from pmengine.cli import main; main()", *words],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200"} | dict(environ),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


async def asked(one: Connection, method: str, path: str, body: Any = None) -> Any:
    """The answer to a request that must be done."""
    status, answer = await one.ask(method, path, body)
    assert status in (200, 201), f"{method} {path}: {status} {answer}"
    return answer


def token(event_id: int, outcome: str) -> str:
    return f"{outcome}-{event_id}"


async def set_up(url: str, shards: int) -> None:
    """List the events, and give every user cash on each shard."""
    async with Connection(url, "operator") as operator:
        for event_id in (*EVENTS, FEES_EVENT):
            tokens = [token(event_id, "yes"), token(event_id, "no")]
            market: dict[str, Any] = {"outcomes": ["Yes", "No"], "token_ids": tokens}
            if event_id == FEES_EVENT:
                market["fees"] = {"kind": "linear", "maker_ppm": 0, "taker_ppm": 20_000}
            await asked(
                operator, "POST", "/events", {"event_id": event_id, "markets": {"1": market}}
            )
        for user in USERS:
            for shard in range(shards):
                deposit = {"id": "d1", "user_id": user, "amount": "100", "shard": shard}
                await asked(operator, "POST", "/deposits", deposit)


def order(event_id: int, client_order_id: str, outcome: str, price: str) -> dict[str, Any]:
    return {
        "client_order_id": client_order_id,
        "event_id": event_id,
        "market_id": 1,
        "token_id": token(event_id, outcome),
        "side": "buy",
        "type": "limit",
        "price": price,
        "quantity": "10",
    }


async def trade(url: str, event_id: int, name: str) -> list[int]:
    """Two orders that meet, and one that rests; the numbers of their trades."""
    async with Connection(url, "anna") as anna, Connection(url, "bert") as bert:
        await asked(
            anna, "POST", "/orders", order(event_id, f"{name}-{event_id}-yes", "yes", "0.6")
        )
        met = await asked(
            bert, "POST", "/orders", order(event_id, f"{name}-{event_id}-no", "no", "0.4")
        )
        await asked(
            anna, "POST", "/orders", order(event_id, f"{name}-{event_id}-rest", "yes", "0.1")
        )
    return [one["trade_id"] for one in met["trades"]]


async def check_moves(url: str, environ: Mapping[str, str]) -> None:
    """A user needs no cash on an event's own shard, and a move outlives who began it."""
    home = home_of("carl", SHARDS)
    async with Connection(url, "carl") as carl:
        deposit = {"id": "d1", "user_id": "carl", "amount": "100"}
        account = await asked(carl, "POST", "/deposits", deposit)
        assert account["cash_by_shard"][home] == {"available": "100", "frozen": "0"}
        for event_id in EVENTS:
            placed = order(event_id, f"carl-{event_id}", "yes", "0.1")
            await asked(carl, "POST", "/orders", placed)
        account = await asked(carl, "GET", "/account")
        assert account["cash"] == {"available": "98", "frozen": "2"}
        assert [one["frozen"] for one in account["cash_by_shard"]] == ["1", "1"]
        split = {"id": "s1", "event_id": home + 2, "market_id": 1, "amount": "10"}
        other = {**split, "event_id": 3 - home}
        for body in (split, other):
            await asked(carl, "POST", "/splits", body)
        account = await asked(carl, "GET", "/account")
        assert account["cash"] == {"available": "78", "frozen": "2"}
        both = [order(event_id, f"batch-{event_id}", "no", "0.2") for event_id in EVENTS]
        batch = await asked(carl, "POST", "/orders/batch", {"orders": both})
        assert [one["status"] for one in batch["items"]] == [201, 201]
        costly = order(FEES_EVENT, "fees", "yes", "0.5")
        placed = await asked(carl, "POST", "/orders", costly)
        account = await asked(carl, "GET", "/account")
        # 2 for each of the batch, and 5: its fees had to be there while it could take.
        assert account["cash"] == {"available": "69", "frozen": "11"}
        await asked(carl, "DELETE", f"/orders/{placed['order']['id']}")
        by_volume = {name: costly[name] for name in ("event_id", "market_id", "token_id", "side")}
        by_volume |= {"client_order_id": "volume", "type": "market", "volume": "70"}
        status, refused = await carl.ask("POST", "/orders", by_volume)
        assert status == 201, f"all of it came together: {refused}"
        account = await asked(carl, "POST", "/withdrawals", {"id": "w1", "amount": "60"})
        assert account["cash"] == {"available": "14", "frozen": "6"}
        # A gateway that withdrew and died.
        before = await asked(carl, "GET", "/account")
        away = max(range(SHARDS), key=lambda one: float(before["cash_by_shard"][one]["available"]))
        storage = Layout(generation=1, shards=SHARDS).storage(settings_of(environ), away)
        async with open_stream(storage.streams, ORDER_INPUT) as stream:
            id = move_id(1 - away, 7_000_000, "orphan")
            left = Withdraw(id=id, user_id="carl", amount=7_000_000)
            await stream.append([encode_command(left)])
        async with asyncio.timeout(READY_S_MAX):
            while account == before or account["cash"] != before["cash"]:
                account = await asked(carl, "GET", "/account")


def settings_of(environ: Mapping[str, str]) -> StorageSettings:
    return read_settings(StorageSettings, environ=dict(environ))


async def check_kept(environ: Mapping[str, str], folder: Path) -> None:
    """Every number of an order or trade is there once, and says its shard."""
    settings = settings_of({**environ, "TRADE_LOG_PATH": str(folder / "looked.log")})
    async with open_stores(settings=settings) as stores:
        orders = [one async for one in all_of(stores.orders, OrderQuery())]
        trades = [one async for one in all_of(stores.trades, TradeQuery())]
    assert orders
    assert trades
    for numbers, events in (
        ([one.order_num for one in orders], [one.symbol.event_id for one in orders]),
        ([one.trade_id for one in trades], [one.symbol.event_id for one in trades]),
    ):
        assert len(set(numbers)) == len(numbers)
        told = [number % SHARDS_MAX for number in numbers]
        assert told == [shard_of(event_id, SHARDS) for event_id in events]


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "server",
    [
        redis_server,
        pytest.param(redis_cluster, marks=pytest.mark.soak),
        pytest.param(redis_and_postgres, marks=pytest.mark.soak),
    ],
)
async def test_two_shards_take_orders_and_do_not_disturb_each_other(
    server: Any, tmp_path: Path
) -> None:
    with server(tmp_path / "server") as environ:
        async with sharded(tmp_path / "fleet", environ, SHARDS) as deployed:
            url = deployed.url
            await set_up(url, SHARDS)
            numbers = [number for event_id in EVENTS for number in await trade(url, event_id, "a")]
            assert len(set(numbers)) == len(numbers) == 2
            async with Connection(url, "anna") as anna:
                account = await asked(anna, "GET", "/account")
                # 6 for what traded and 1 for what rests, on each of both.
                assert account["cash"] == {"available": "186", "frozen": "2"}
                assert account["cash_by_shard"] == [{"available": "93", "frozen": "1"}] * 2
                positions = {one["token_id"]: one["available"] for one in account["positions"]}
                assert positions == {"yes-1": "10", "yes-2": "10"}
                rest = await asked(anna, "GET", "/orders?status=active")
                first, second = (one["id"] for one in rest["items"])
                await asked(anna, "PATCH", f"/orders/{first}", {"quantity": "5"})
                await asked(anna, "DELETE", f"/orders/{second}")
                cancelled = await asked(anna, "DELETE", "/orders")
                assert [one["id"] for one in cancelled["items"]] == [first]
                await asked(anna, "POST", "/pause")
                for event_id in EVENTS:
                    paused = order(event_id, f"paused-{event_id}", "yes", "0.1")
                    status, refused = await anna.ask("POST", "/orders", paused)
                    assert (status, refused["code"]) == (422, "PAUSED")
                await asked(anna, "POST", "/resume")
                depth = await asked(anna, "GET", "/depth?event_id=1&market_id=1")
                assert depth["event_id"] == 1

            await check_moves(url, environ)

            # Event 1 is on shard 1, event 2 on shard 0.
            await deployed.engines[1].kill()
            await trade(url, 2, "b")
            waiting = asyncio.create_task(trade(url, 1, "b"))
            await trade(url, 2, "c")
            assert not waiting.done(), "nobody takes orders on the other shard"
            deployed.engines[1] = await deployed.fleet.run("engine", ENGINE_SHARD="1")
            await deployed.engines[1].ready()
            await waiting
            await deployed.ready()

            told = deployed.fleet.environ
            seen = await pmengine("status", "--json", cwd=tmp_path, environ=told)
            async with asyncio.timeout(READY_S_MAX):
                # Until the one that was killed is forgotten.
                while "does not tell its health" in seen.stdout:
                    seen = await pmengine("status", "--json", cwd=tmp_path, environ=told)
            assert seen.returncode == Exit.FINE, seen.stdout + seen.stderr
            shards = [json.loads(line) for line in seen.stdout.splitlines()]
            assert [one["shard"] for one in shards] == [0, 1]
            assert len({one["leader"] for one in shards}) == SHARDS
            await deployed.stop()
            verified = await pmengine("verify", "--json", cwd=tmp_path, environ=told)
            assert verified.returncode == Exit.FINE, verified.stdout + verified.stderr
            reports = [json.loads(line) for line in verified.stdout.splitlines()]
            assert len(reports) == SHARDS
            assert all(report["compared"]["store_records"] for report in reports)
            explained = await pmengine("explain", first, cwd=tmp_path, environ=told)
            assert explained.returncode == Exit.FINE, explained.stderr
            assert "entry" in explained.stdout
            await check_kept(environ, tmp_path)

            other = {**told, "ENGINE_SHARDS": "3"}
            for words in (["run", "api"], ["verify"]):
                refused = await pmengine(*words, cwd=tmp_path, environ=other)
                assert refused.returncode == Exit.USAGE, f"{words}: {refused}"
                assert "pmengine reshard 3" in refused.stderr


def test_everybody_has_a_home() -> None:
    homes = {home_of(f"user-{number}", 3) for number in range(100)}
    assert homes == {0, 1, 2}


async def holdings(url: str) -> dict[str, Any]:
    """What everybody has, and anna's open orders."""
    found: dict[str, Any] = {}
    for user in USERS:
        async with Connection(url, user) as one:
            account = await asked(one, "GET", "/account")
            account.pop("cash_by_shard", None)
            account["positions"].sort(key=lambda position: position["token_id"])
            found[user] = account
            open_orders = await asked(one, "GET", "/orders?status=active")
            found[f"{user}'s orders"] = open_orders["items"]
    return found


class Died(Exception):
    """The process was killed here."""


async def died_while_dividing(environ: Mapping[str, str]) -> None:
    """Look, then divide and die before the last step: the data stays what it was."""
    settings = read_settings(Settings, environ=dict(environ))
    said: list[str] = []
    looked = await until_free(settings, said.append)
    assert not looked.is_done

    def die(text: str) -> None:
        if "begins after" in text:
            raise Died

    with pytest.raises(Died):
        await reshard(settings, 2, really=True, told=die)
    again = await reshard(settings, 2, really=False, told=said.append)
    assert again.layout.generation > looked.layout.generation, "not where it died"
    assert again.orders == looked.orders


async def wiped(place: str, folder: Path) -> None:
    """Remove what a shard was, as an operator does."""
    words = [sys.executable, "-m", "pmstore", "wipe", place, "--yes"]
    done = await asyncio.to_thread(
        subprocess.run, words, cwd=folder, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "streams" in done.stdout


async def until_free(settings: Settings, told: Callable[[str], None]) -> Divided:
    """Look what dividing would do once the lease of an engine that froze is over."""
    async with asyncio.timeout(READY_S_MAX):
        while True:
            try:
                return await reshard(settings, 2, really=False, told=told)
            except CannotDivide as error:
                if "stop every service" not in str(error):
                    raise
                await asyncio.sleep(0.1)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_events_move_to_more_shards_between_runs_and_back(tmp_path: Path) -> None:
    def told(shards: int) -> dict[str, str]:
        return {**environ, "ENGINE_SHARDS": str(shards)}

    with redis_server(tmp_path / "server") as environ:
        folder = tmp_path / "fleet"
        async with sharded(folder, environ, 1) as one:
            await set_up(one.url, 1)
            numbers = [
                number for event_id in EVENTS for number in await trade(one.url, event_id, "a")
            ]
            running = await pmengine("reshard", "2", "--yes", cwd=folder, environ=told(1))
            assert running.returncode == Exit.DIFFERENT, running
            assert "stop every service" in running.stderr
            before = await holdings(one.url)
            frozen = one.engines.pop()
            frozen.freeze()
            await one.stop()
            await died_while_dividing(told(1))
            done = await pmengine("reshard", "2", "--yes", cwd=folder, environ=told(1))
            assert done.returncode == Exit.FINE, done.stdout + done.stderr
            assert "shard 1 has 2 events with 1 open orders" in done.stdout
            frozen.thaw()
            assert await frozen.ended() == Exit.USAGE, "it must not lead what was"
        late = await pmengine("run", "engine", cwd=folder, environ=told(1))
        assert late.returncode == Exit.USAGE, "who still has the old settings is refused"

        async with sharded(folder, environ, 2) as two:
            assert await holdings(two.url) == before
            async with Connection(two.url, "anna") as anna, Connection(two.url, "bert") as bert:
                account = await asked(anna, "GET", "/account")
                assert [cash["frozen"] for cash in account["cash_by_shard"]] == ["1", "1"]
                again = order(1, "a-1-rest", "yes", "0.1")
                status, repeated = await anna.ask("POST", "/orders", again)
                assert status == 200, repeated
                assert repeated["order"]["id"] == before["anna's orders"][0]["id"]
                account = await asked(bert, "GET", "/account")
                assert [cash["available"] for cash in account["cash_by_shard"]] == ["92", "0"]
            numbers += [
                number for event_id in EVENTS for number in await trade(two.url, event_id, "b")
            ]
            before = await holdings(two.url)
            await two.stop()
        verified = await pmengine("verify", cwd=folder, environ=told(2))
        assert verified.returncode == Exit.FINE, verified.stdout + verified.stderr

        done = await pmengine("reshard", "1", "--yes", cwd=folder, environ=told(2))
        assert done.returncode == Exit.FINE, done.stdout + done.stderr
        async with sharded(folder, environ, 1) as one:
            assert await holdings(one.url) == before
            numbers += [
                number for event_id in EVENTS for number in await trade(one.url, event_id, "c")
            ]
            await one.stop()
        for part in ("g2s0", "g2s1"):
            place = f"redis://{environ['REDIS_HOST']}:{environ['REDIS_PORT']}?prefix={part}"
            await wiped(place, folder)
        verified = await pmengine("verify", cwd=folder, environ=told(1))
        assert verified.returncode == Exit.FINE, verified.stdout + verified.stderr
    assert len(set(numbers)) == len(numbers) == 3 * len(EVENTS)
