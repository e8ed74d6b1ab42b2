"""The asset service, alone and in an exchange, is killed while orders flow: each is made once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from grpc import StatusCode, aio

from pmstore.testing.servers import RedisServer, free_port
from tests.gateways.asset_client import User, ending_of, messages, refused
from tests.gateways.exchange import EVENT
from tests.services.fleet import Fleet, over_redis
from tests.services.rig import DEADLINE_S
from tests.trips.exchange_process import ExchangeProcess

TRADERS = 4
ORDERS = 40
SNAPSHOTS = 15
UNSURE = (StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.CANCELLED)


class Flow:
    """Orders of traders who each ask again with the same ids until they hear an outcome."""

    def __init__(self, port: int, url: str) -> None:
        self._target = f"127.0.0.1:{port}"
        self.url = url
        self.answered: dict[str, str] = {}
        self.unsure: Counter[StatusCode] = Counter()

    async def set_up(self) -> None:
        """Event 1, and money for u1."""
        async with httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", trust_env=False, timeout=60
        ) as client:
            response = await client.post("/events", json=EVENT, timeout=DEADLINE_S)
            assert response.status_code == 201, response.text
        await self.asked(lambda user: user.deposit("d1", "u1", "100"))

    async def asked(self, ask: Callable[[User], Awaitable[Any]]) -> Any:
        """What is answered at last; a status that says nothing of an outcome is asked again."""
        async with asyncio.timeout(4 * DEADLINE_S):
            while True:
                async with aio.insecure_channel(self._target) as channel:
                    user = User(channel, x_user_id="u1")
                    try:
                        return await ask(user)
                    except aio.AioRpcError as error:
                        code = ending_of(error).code
                if code not in UNSURE:
                    raise AssertionError(f"refused: {code}")
                self.unsure[code] += 1
                await asyncio.sleep(0.05)

    async def trade(self, trader: int) -> None:
        """`ORDERS` orders, one after the other."""
        for number in range(ORDERS):
            own_id = f"t{trader}-{number}"
            reply = await self.asked(lambda user, own_id=own_id: user.create(own_id, price="0.01"))
            self.answered[own_id] = reply.order.id

    async def until(self, count: int) -> None:
        """Wait until so many orders were answered."""
        async with asyncio.timeout(4 * DEADLINE_S):
            while len(self.answered) < count:
                await asyncio.sleep(0.01)

    async def check(self) -> None:
        """Each order is there once, under the id that was answered, and so is its money."""
        there: dict[str, str] = {}
        async with httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", trust_env=False, timeout=60
        ) as client:
            who = {"X-User-Id": "u1"}
            response = await client.get("/orders?limit=1000", headers=who, timeout=DEADLINE_S)
            for one in response.json()["items"]:
                assert one["client_order_id"] not in there
                there[one["client_order_id"]] = one["id"]
        assert there == self.answered
        assert len(there) == TRADERS * ORDERS
        account = await self.asked(lambda user: user.balance())
        assert (account.cash.available, account.cash.frozen) == ("98.4", "1.6")


@pytest.mark.crash
async def test_orders_over_grpc_are_made_once_over_kill_nine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("ASSET_ENABLED", "true")
    monkeypatch.setenv("ASSET_PORT", str(port))
    process = ExchangeProcess(tmp_path / "data")
    await process.start()
    try:
        await process.ready()
        flow = Flow(port, process.url)
        await flow.set_up()
        traders = [asyncio.create_task(flow.trade(number)) for number in range(TRADERS)]
        for kill in range(2):
            await flow.until((kill + 1) * TRADERS * ORDERS // 4)
            await process.kill()
            process = ExchangeProcess(tmp_path / "data")
            await process.start()
            await process.ready()
        flow.url = process.url
        await asyncio.gather(*traders)
        await flow.check()
        assert flow.unsure[StatusCode.UNAVAILABLE]
        await process.stop()
    finally:
        await process.kill()


@pytest.mark.slow
async def test_snapshots_are_taken_in_a_process_that_serves_grpc(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        port = free_port()
        environ = over_redis(
            server.host,
            server.port,
            ASSET_PORT=str(port),
            STORE_SNAPSHOT_INTERVAL_SECONDS="0.1",
        )
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            process = await fleet.run("engine relay history store asset")
            await process.ready()
            flow = Flow(port, "")
            taken: set[float] = set()
            ids = count()
            async with asyncio.timeout(4 * DEADLINE_S):
                while len(taken) < SNAPSHOTS:
                    id = f"d{next(ids)}"
                    await flow.asked(lambda user, id=id: user.deposit(id, "u1", "1"))
                    told = await process.until("store", ready=True)
                    taken.add(told["numbers"]["snapshot_number"])
            await process.stop()
        assert "snapshot_failed" not in process.text()
        assert "fork" not in process.text()


@pytest.mark.crash
@pytest.mark.slow
async def test_as_a_process_it_is_killed_and_shows_what_another_gateway_answered(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path / "redis") as server:
        port, api_port = free_port(), free_port()
        environ = over_redis(server.host, server.port, API_PORT=str(api_port), ASSET_PORT=str(port))
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            others = await fleet.run("engine relay history store api")
            asset = await fleet.run("asset")
            await asyncio.gather(others.ready(), asset.ready())
            flow = Flow(port, f"http://127.0.0.1:{api_port}")
            await flow.set_up()
            traders = [asyncio.create_task(flow.trade(number)) for number in range(TRADERS)]
            await flow.until(TRADERS * ORDERS // 3)
            await asset.kill()
            asset = await fleet.run("asset")
            await asyncio.gather(*traders)
            await flow.check()
            async with httpx.AsyncClient(
                base_url=f"{flow.url}/api/v1", trust_env=False, timeout=60
            ) as client:
                body = {"id": "w1", "amount": "0.4"}
                who = {"X-User-Id": "u1"}
                response = await client.post(
                    "/withdrawals", json=body, headers=who, timeout=DEADLINE_S
                )
                assert response.status_code == 200
            account = await flow.asked(lambda user: user.balance())
            assert account.cash.available == "98"
            told = await asset.until("asset", ready=True)
            assert {"asset_commands_waiting", "asset_answers_ok"} <= set(told["numbers"])
            async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await others.kill()
                # Nobody takes the command now: it is on the input, and may be done later.
                call = User(channel, x_user_id="u1").ask(
                    "Withdraw", messages.WithdrawRequest(id="w2", amount="1")
                )
                await refused(call, StatusCode.DEADLINE_EXCEEDED, "OUTCOME_UNKNOWN")
            others = await fleet.run("engine relay history store api")
            account = await flow.asked(lambda user: user.withdraw("w2", "1"))
            assert account.cash.available == "97"
            await asyncio.gather(asset.stop(), others.stop())
