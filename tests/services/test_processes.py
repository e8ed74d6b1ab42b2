"""The services as processes of their own, on a real Redis, killed and frozen while orders flow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import attrs
import pytest
from websockets.asyncio.client import connect

from pmengine.commands import ORDER_INPUT
from pmengine.engine import ID_MEMORY_S
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.recovery import recover
from pmengine.settings import Settings
from pmstore import StorageSettings, TradeQuery, open_stores
from pmstore.clock import system_clock
from pmstore.codec import decode_batch
from pmstore.queries import all as all_of
from pmstore.testing.servers import RedisServer, free_port
from tests.gateways.depth_client import follow, hear
from tests.services.fleet import Fleet, ServiceProcess, over_redis
from tests.services.rig import DEADLINE_S
from tests.trips.http_client import Connection
from tests.trips.recovered_folder import Recovery, check_told
from tests.trips.traders import Traders

TAKEOVER_S_MAX = 3.0
SLOW_TAKEOVER_S_MAX = 30.0
LEASE_S = 1.0
FLOW_S = 0.4
FLOW = 20
"""Orders that are answered at least, however long that takes."""
ASKED_AGAIN = 10
SEED = 20_261_121


@attrs.define
class Deployed:
    """A Redis, the processes on it, and traders who ask the API."""

    server: RedisServer
    fleet: Fleet
    folder: Path
    port: int
    traders: Traders

    @property
    def url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self.port}"

    async def run(self, names: str, **environ: str) -> ServiceProcess:
        """Start a process, and wait until it does its work."""
        process = await self.fleet.run(names, **environ)
        await process.ready()
        return process

    async def flow(self) -> asyncio.Task[None]:
        """Let the traders trade until the API is gone or the task is cancelled."""
        return await self.traders.begin(self.url, FLOW_S, FLOW)

    async def found(self) -> Recovery:
        """What log, snapshots and stores hold, read past every process."""
        async with open_stores(settings=self._settings()) as stores:
            log = Log(await stores.open_stream(STORE_STREAM))
            newest = await recover(
                log, stores.snapshots, id_memory_s=ID_MEMORY_S, now_ms=system_clock()
            )
            trades = [one async for one in all_of(stores.trades, TradeQuery(limit=1000))]
        return Recovery(newest.state, trades, newest.folded, None, newest.lost_tail)

    def _settings(self) -> StorageSettings:
        return StorageSettings(
            redis_enabled=True,
            redis_host=self.server.host,
            redis_port=self.server.port,
            trade_log_path=self.folder / f"looked-{time.monotonic_ns()}.log",
        )

    async def check(self, history: ServiceProcess) -> None:
        """
        Everything that was answered is there, once, and nothing that nobody asked for; who asks
        again hears the same.
        """
        await self.consumed()
        await history.until("history", lag=0)
        check_told(await self.found(), self.traders.orders)
        await self.traders.ask_again(self.url, list(self.traders.orders.values())[-ASKED_AGAIN:])

    async def consumed(self) -> None:
        """Wait until the log says of every command on the input that it was taken."""
        async with open_stores(settings=self._settings()) as stores:
            inputs = await stores.open_stream(ORDER_INPUT)
            log = await stores.open_stream(STORE_STREAM)
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    asked, taken = await inputs.bounds(), await log.bounds()
                    assert asked is not None
                    assert taken is not None
                    batch = decode_batch(taken.last.payload, STORE_STREAM)
                    if batch.input[ORDER_INPUT] >= asked.last.id:
                        return
                    await asyncio.sleep(0.05)


@pytest.fixture
async def deployed(tmp_path: Path) -> AsyncIterator[Deployed]:
    port = free_port()
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(
            server.host,
            server.port,
            API_PORT=str(port),
            API_ORDER_TIMEOUT_SECONDS="60",
            ENGINE_LEASE_S=str(LEASE_S),
        )
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            yield Deployed(server, fleet, tmp_path, port, Traders(Random(SEED)))


async def settle(task: asyncio.Task[None]) -> None:
    """Let the requests under way be answered, and end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_service_may_be_killed_while_orders_flow(deployed: Deployed) -> None:
    names = ("engine", "relay", "history", "store", "depth", "api")
    processes = dict(zip(names, await asyncio.gather(*map(deployed.run, names)), strict=True))
    await deployed.traders.set_up(deployed.url)
    for name in names:
        flowing = await deployed.flow()
        await processes[name].kill()
        await asyncio.sleep(0.1)
        processes[name] = await deployed.run(name)
        await asyncio.sleep(FLOW_S)
        await settle(flowing)
        await deployed.check(processes["history"])
    for process in processes.values():
        await process.stop()
    found = await deployed.found()
    check_told(found, deployed.traders.orders)
    assert found.trades
    assert found.folded == 0, "the last snapshot is of the end"


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "takeover_s_max",
    [
        pytest.param(SLOW_TAKEOVER_S_MAX, id="on any machine"),
        pytest.param(TAKEOVER_S_MAX, id="on a quiet machine", marks=pytest.mark.soak),
    ],
)
async def test_a_standby_takes_over_from_a_leader_that_died_or_froze(
    deployed: Deployed, takeover_s_max: float
) -> None:
    engine = {
        "ENGINE_LEASE_S": str(Settings().lease_s),  # the one that there is without a setting
        "ENGINE_VERIFY": "stop",
    }
    first = await deployed.run("engine", **engine)
    second = await deployed.run("engine", **engine)
    history = await deployed.run("relay history store api")
    await deployed.traders.set_up(deployed.url)
    await second.until("engine", role="standby")
    epoch = (await first.until("engine", role="leader"))["epoch"]
    flowing = await deployed.flow()

    before = time.monotonic()
    await first.kill()
    led = await second.until("engine", role="leader")
    died_s = time.monotonic() - before
    assert died_s < takeover_s_max
    assert led["epoch"] > epoch

    third = await deployed.run("engine", **engine)
    await third.until("engine", role="standby")
    before = time.monotonic()
    second.freeze()
    led_again = await third.until("engine", role="leader")
    froze_s = time.monotonic() - before
    assert froze_s < takeover_s_max
    print(f"taken over {died_s:.2f} s after kill -9, {froze_s:.2f} s after SIGSTOP")
    assert led_again["epoch"] > led["epoch"]
    await asyncio.sleep(FLOW_S)
    # It believed to be the leader: its next entry is refused, and it follows.
    second.thaw()
    await second.until("engine", role="standby")
    assert "engine_starts_again" in second.text()
    await asyncio.sleep(FLOW_S)
    await third.until("engine", role="leader")
    await settle(flowing)
    await deployed.check(history)


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_services_outlive_an_outage_of_redis(deployed: Deployed) -> None:
    process = await deployed.run("engine relay history store depth api")
    await deployed.traders.set_up(deployed.url)
    flowing = await deployed.flow()
    deployed.server.kill()
    await asyncio.sleep(FLOW_S)
    deployed.server.restart()
    await asyncio.sleep(FLOW_S)
    await settle(flowing)
    await process.ready()
    await deployed.check(process)
    await settle(await deployed.flow())
    await deployed.check(process)
    await process.stop()


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_service_may_freeze_and_go_on_later(deployed: Deployed) -> None:
    names = ("engine", "history", "store", "relay", "depth")
    processes = dict(zip(names, await asyncio.gather(*map(deployed.run, names)), strict=True))
    await asyncio.gather(*map(deployed.run, ("engine", "history", "store", "api")))
    await deployed.traders.set_up(deployed.url)
    for some in (("engine", "store"), ("history", "relay", "depth")):
        flowing = await deployed.flow()
        for name in some:
            processes[name].freeze()
        await asyncio.sleep(2 * LEASE_S)
        for name in some:
            processes[name].thaw()
        await asyncio.sleep(FLOW_S)
        await settle(flowing)
        for name in some:
            await processes[name].until(name, ready=True)
    # The first history stands by now, or works again.
    await deployed.consumed()
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                check_told(await deployed.found(), deployed.traders.orders)
                break
            except AssertionError:
                await asyncio.sleep(0.2)  # trades may be on their way to the stores
    answered = [one for one in deployed.traders.orders.values() if one.answered]
    await deployed.traders.ask_again(deployed.url, answered[-ASKED_AGAIN:])


@pytest.mark.crash
async def test_every_gateway_shows_what_was_answered_by_another(deployed: Deployed) -> None:
    await deployed.run("engine relay history depth")
    await deployed.run("api")
    feed, other = free_port(), free_port()
    for names in ("websocket-depth", "api"):
        process = await deployed.fleet.run(
            names, WEBSOCKET_DEPTH_PORT=str(feed), API_PORT=str(other)
        )
        await process.ready()
    await deployed.traders.set_up(deployed.url)
    async with connect(f"ws://127.0.0.1:{feed}/depth", max_size=None) as socket:
        mirror = await follow(socket, 1, 1)
        async with Connection(deployed.url, "trader-1") as own:
            for number in range(5):
                order = {
                    "client_order_id": f"c{number}",
                    "event_id": 1,
                    "market_id": 1,
                    "token_id": "yes-1",
                    "side": "buy",
                    "type": "limit",
                    "price": f"0.{4_000 + number}",
                    "quantity": "1",
                }
                status, answer = await own.ask("POST", "/orders", order)
                assert status == 201, answer
        async with asyncio.timeout(DEADLINE_S):
            while mirror.update_id < 5:
                mirror.hear(await hear(socket))
        bids = mirror.depths()["yes-1"]["bids"]
    assert [one["price"] for one in bids] == ["0.4004", "0.4003", "0.4002", "0.4001", "0.4"]
    async with Connection(f"http://127.0.0.1:{other}", "trader-1") as own:
        status, depth = await own.ask("GET", "/depth?event_id=1&market_id=1")
        assert (status, depth["depths"]["yes-1"]["bids"]) == (200, bids)
        status, listed = await own.ask("GET", "/orders?status=active")
        assert (status, len(listed["items"])) == (200, 5)
