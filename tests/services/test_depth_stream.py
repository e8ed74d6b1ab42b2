"""`depth_stream` tells readers that are none of ours the whole depth of what changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

from pmengine.commands import EVENT_INPUT, ORDER_INPUT, encode_command
from pmengine.market_deltas import MarketDelta
from pmengine.services.depth import DepthFeed
from pmengine.services.depth_stream import (
    DEPTH_STREAM,
    ENTRY_MARKETS_MAX,
    KEPT_MS,
    DepthStream,
)
from pmengine.services.log import STORE_STREAM
from pmstore import START, Position, Stream, open_stream
from pmstore.backends.memory import MemoryStream
from pmstore.codec import decode_batch
from pmstore.testing import ManualClock
from pmstore.testing.servers import RedisServer
from tests.services.fleet import Fleet, over_redis
from tests.services.rig import DEADLINE_S, NOW_MS, flow


def delta(market_id: int, update_id: int, **other: Any) -> MarketDelta:
    return MarketDelta(
        event_id=1,
        market_id=market_id,
        prev_update_id=update_id - 1,
        update_id=update_id,
        timestamp=NOW_MS + update_id,
        bids=other.pop("bids", []),
        asks=other.pop("asks", []),
        last_price=other.pop("last_price", 0),
        **other,
    )


@attrs.define
class Telling:
    feed: DepthFeed
    stream: Stream
    clock: ManualClock
    depths: DepthStream

    async def told(self) -> list[dict[str, Any]]:
        """What is told now, document by document."""
        before = await entries_of(self.stream)
        await self.depths.tell(self.feed)
        return [one for entry in (await entries_of(self.stream))[len(before) :] for one in entry]


async def entries_of(stream: Stream) -> list[list[dict[str, Any]]]:
    return [json.loads(entry.payload) for entry in await stream.read(START, 1000)]


@asynccontextmanager
async def telling() -> AsyncIterator[Telling]:
    clock = ManualClock(NOW_MS)
    async with MemoryStream() as feed, MemoryStream(clock=clock) as stream:
        yield Telling(DepthFeed(feed, START, {}), stream, clock, DepthStream(stream, clock))


async def test_every_market_is_told_whole_and_again_when_it_changed() -> None:
    async with telling() as one:
        bids = [(4_900, 50), (5_000, 10)]
        one.feed.tell([delta(1, 1, bids=bids, asks=[(5_100, 7)], last_price=5_000), delta(2, 1)])
        first, second = await one.told()
        assert first == {
            "types": "MarketDepth",
            "event_id": 1,
            "market_id": 1,
            "update_id": 1,
            "timestamp": NOW_MS + 1,
            "bids": [[5_000, 10], [4_900, 50]],
            "asks": [[5_100, 7]],
            "last_price": 5_000,
        }
        assert (second["market_id"], second["bids"], second["asks"]) == (2, [], [])
        assert await one.told() == []
        one.feed.tell([delta(1, 2, bids=[(5_000, 0)], last_price=5_000)])
        (changed,) = await one.told()
        assert (changed["update_id"], changed["bids"]) == (2, [[4_900, 50]])


async def test_a_market_that_was_removed_is_told_of_once_more() -> None:
    async with telling() as one:
        one.feed.tell([delta(1, 1, bids=[(5_000, 10)])])
        await one.told()
        one.feed.tell([delta(1, 2, removed=True)])
        (removed,) = await one.told()
        assert (removed["removed"], removed["market_id"], removed["bids"]) == (True, 1, [])
        assert await one.told() == []


async def test_entries_are_of_a_bounded_size_and_kept_for_an_hour() -> None:
    async with telling() as one:
        one.feed.tell([delta(number, 1) for number in range(2 * ENTRY_MARKETS_MAX + 1)])
        await one.told()
        sizes = [len(entry) for entry in await entries_of(one.stream)]
        assert sizes == [ENTRY_MARKETS_MAX, ENTRY_MARKETS_MAX, 1]
        one.clock.move(KEPT_MS / 1000 + 1)
        one.feed.tell([delta(1, 2)])
        await one.told()
        assert [len(entry) for entry in await entries_of(one.stream)] == [1]


async def test_the_depth_service_tells_it_where_that_was_asked_for(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(server.host, server.port, DEPTH_STREAM_SECONDS="0.1")
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            process = await fleet.run("engine relay depth")
            async with (
                open_stream(server.url, ORDER_INPUT) as orders,
                open_stream(server.url, EVENT_INPUT) as events,
                open_stream(server.url, STORE_STREAM) as log,
                open_stream(server.url, DEPTH_STREAM) as told,
            ):
                event, *rest = flow(0, 30)
                seen: dict[int, dict[str, Any]] = {}
                after = START
                async with asyncio.timeout(DEADLINE_S):
                    listed = await events.append([encode_command(event)])
                    while not await is_consumed(log, listed):
                        await asyncio.sleep(0.05)
                    await orders.append([encode_command(command) for command in rest])
                    while not (
                        len(seen) == 2 and all(one["bids"] or one["asks"] for one in seen.values())
                    ):
                        for entry in await told.read(after, 100, 1.0):
                            after = entry.id
                            seen |= {one["market_id"]: one for one in json.loads(entry.payload)}
            await process.stop()


async def is_consumed(log: Stream, position: Position) -> bool:
    """Whether the log says of the input of events that it was taken through *position*."""
    bounds = await log.bounds()
    if bounds is None:
        return False
    return decode_batch(bounds.last.payload, STORE_STREAM).input[EVENT_INPUT] >= position
