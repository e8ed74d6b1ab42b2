"""With several shards a client is told of all of them, and each goes on for itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
from websockets.asyncio.client import ClientConnection, connect

from pmengine.gateways.http import create_app, serving
from pmengine.services.user_feed import UserFeed
from pmengine.user_events import PositionChanged
from pmstore import Stream, open_stream
from tests.gateways.depth_client import hear
from tests.gateways.exchange import Running, venue_of
from tests.gateways.test_slow_users import told_of


@attrs.define
class Sharded:
    """A gateway of two shards whose user feeds the test writes."""

    url: str
    streams: list[Stream]
    counts: list[int] = attrs.Factory(lambda: [0, 0])

    async def publish(self, shard: int) -> int:
        """A further change of what u1 has on *shard*."""
        self.counts[shard] += 1
        number = self.counts[shard]
        change = PositionChanged(
            user_id="u1", update_id=number, asset="cash", available=number * 10**6, frozen=0
        )
        await self.streams[shard].append([told_of(number, [change])])
        return number


@asynccontextmanager
async def sharded(running: Running) -> AsyncIterator[Sharded]:
    async with (
        open_stream("memory://", "user_event_stream") as first,
        open_stream("memory://", "user_event_stream") as second,
    ):
        feeds = [UserFeed(stream, {}) for stream in (first, second)]
        following = [asyncio.create_task(feed.run()) for feed in feeds]
        venue = attrs.evolve(venue_of(running.exchange), users=feeds)
        async with serving(create_app(venue), "127.0.0.1", 0) as url:
            try:
                yield Sharded(url.replace("http", "ws") + "/user", [first, second])
            finally:
                for task in following:
                    task.cancel()
                await asyncio.gather(*following, return_exceptions=True)


async def admitted(socket: ClientConnection, **first: Any) -> Any:
    await socket.send(json.dumps({"user_id": "u1", **first}))
    return await hear(socket)


async def test_each_message_says_its_shard_and_each_shard_counts_for_itself(
    running: Running,
) -> None:
    async with sharded(running) as one, connect(one.url) as socket:
        auth = await admitted(socket)
        assert auth == {"type": "auth", "user_id": "u1", "update_id": [0, 0]}
        for shard in (0, 1, 1, 0, 1):
            number = await one.publish(shard)
            told = await hear(socket)
            assert (told["shard"], told["update_id"]) == (shard, number)
            assert (told["asset"], told["available"]) == ("cash", str(number))
        await socket.send('{"action":"snapshot"}')
        parts = [await hear(socket) for _ in range(2)]
        assert sorted((part["shard"], part["update_id"]) for part in parts) == [(0, 2), (1, 3)]


async def test_a_client_goes_on_behind_a_number_of_each_shard(running: Running) -> None:
    async with sharded(running) as one:
        for shard in (0, 1, 0, 1, 1):
            await one.publish(shard)
        async with connect(one.url) as socket:
            auth = await admitted(socket)
            while auth["update_id"] != [2, 3]:
                await socket.send('{"action":"snapshot"}')
                told = [await hear(socket) for _ in range(2)]
                auth["update_id"] = [
                    part["update_id"] for part in sorted(told, key=lambda part: part["shard"])
                ]
        async with connect(one.url) as socket:
            await admitted(socket, resume_after=[1, 1])
            answers = [await hear(socket) for _ in range(2)]
            assert answers == [
                {"type": "resumed", "update_id": 1, "shard": shard} for shard in (0, 1)
            ]
            told = [await hear(socket) for _ in range(3)]
            heard = sorted((message["shard"], message["update_id"]) for message in told)
            assert heard == [(0, 2), (1, 2), (1, 3)]
            for wrong in (1, [1], [1, 1, 1]):
                await socket.send(json.dumps({"resume_after": wrong}))
                error = await hear(socket)
                assert (error["type"], error["code"]) == ("error", "MALFORMED")
                assert "2 numbers" in error["detail"]
