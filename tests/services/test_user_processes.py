"""The user feed as processes on a real Redis: whoever is killed, a user hears everything once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs
import pytest
from websockets.asyncio.client import connect

from pmengine.services.log import STORE_STREAM
from pmstore import open_stream
from pmstore.backends.memory import MemorySnapshotStore
from pmstore.testing.servers import RedisServer, free_port
from tests.gateways.depth_client import hear
from tests.gateways.user_client import Mine, let_in
from tests.services.fleet import Fleet, over_redis
from tests.services.rig import Running, engine_on, flow

USER = "trader-3"


@attrs.define
class Told:
    """An engine whose log processes tell users of, and where they do."""

    engine: Running
    fleet: Fleet
    ports: list[int]

    async def write(self, start: int, end: int) -> None:
        """Some commands of the sample flow."""
        for index in range(start, end):
            await self.engine.take(flow(index, index + 1))

    @property
    def update_id(self) -> int:
        """The user's last number, as the engine has it."""
        return dict(self.engine.service.engine.snapshot(0).user_update_ids)[USER]

    @asynccontextmanager
    async def following(self, port: int, mine: Mine | None = None) -> AsyncIterator[Mine]:
        """A client at *port*; it goes on where *mine* is."""
        async with connect(f"ws://127.0.0.1:{port}/user") as socket:
            if mine is None:
                yield await let_in(socket, {"user_id": USER}, USER)
                return
            said = {"user_id": USER, "resume_after": mine.update_id}
            await let_in(socket, said, USER)
            answer = await hear(socket)
            assert answer == {"type": "resumed", "update_id": mine.update_id}
            mine.socket = socket
            yield mine

    def assert_right(self, mine: Mine) -> None:
        """What the client has is what the engine has."""
        state = self.engine.service.engine.snapshot(0)
        orders = {order.id: order.version for order in state.orders if order.user_id == USER}
        assert {id: order["version"] for id, order in mine.orders.items()} == orders
        held = {row.asset for row in state.balances if row.user_id == USER}
        assert set(mine.holdings) == held


@asynccontextmanager
async def told(folder: Path) -> AsyncIterator[Told]:
    with RedisServer(folder / "redis") as server:
        environ = over_redis(server.host, server.port)
        place = f"redis://{server.host}:{server.port}"
        async with Fleet(folder / "fleet", environ) as fleet, AsyncExitStack() as opened:
            log = await opened.enter_async_context(open_stream(place, STORE_STREAM))
            snapshots = await opened.enter_async_context(MemorySnapshotStore())
            engine = await opened.enter_async_context(engine_on(log, snapshots))
            yield Told(engine, fleet, [free_port(), free_port()])


@pytest.mark.crash
@pytest.mark.slow
async def test_a_user_hears_everything_once_whoever_is_killed(tmp_path: Path) -> None:
    async with told(tmp_path) as one:
        first, second = one.ports
        await one.write(0, 20)
        processor, gateway, other = await asyncio.gather(
            one.fleet.run("processor"),
            one.fleet.run("websocket-user", WEBSOCKET_USER_PORT=str(first)),
            one.fleet.run("websocket-user", WEBSOCKET_USER_PORT=str(second)),
        )
        await asyncio.gather(*[each.ready() for each in (processor, gateway, other)])
        await gateway.until("websocket-user", lag=0)
        async with one.following(first) as mine:
            await mine.snapshot()
            # The processor dies; what happens meanwhile is told by the next one.
            await one.write(20, 60)
            await processor.kill()
            await one.write(60, 100)
            processor = await one.fleet.run("processor")
            await mine.reached(one.update_id)
            # The gateway dies; the user goes on at the other one.
            await gateway.kill()
        await one.write(100, 140)
        await other.until("websocket-user", lag=0)
        async with one.following(second, mine):
            await one.write(140, 160)
            await mine.reached(one.update_id)
        # Both are gone: a new one knows what came before it, as far as the stream goes back.
        await other.kill()
        await one.write(160, 200)
        gateway = await one.fleet.run("websocket-user", WEBSOCKET_USER_PORT=str(first))
        await gateway.ready()
        await gateway.until("websocket-user", lag=0)
        async with one.following(first, mine):
            await mine.reached(one.update_id)
        assert mine.reasons == ["asked"]
        one.assert_right(mine)
        metrics = (await gateway.until("websocket-user", ready=True))["numbers"]
        assert set(metrics) == {"websocket_user_connections"}
        await asyncio.gather(gateway.stop(), processor.stop())
