"""A client of the user feed that does not read costs nobody anything, and is made right later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
import msgspec
from websockets.asyncio.client import connect

from pmengine.gateways.http import create_app, serving
from pmengine.gateways.websocket import user_subscription
from pmengine.projections import BatchTold
from pmengine.services.log import Place
from pmengine.services.user_feed import UserFeed
from pmengine.services.user_pictures import UserPicture, UserStart
from pmengine.user_events import PositionChanged
from pmstore import START, Position, Stream, open_stream
from tests.gateways.exchange import Running, venue_of
from tests.gateways.test_slow_clients import narrow_socket
from tests.gateways.user_client import let_in

ASSETS = 50
CHANGES = 4_000


@attrs.define
class Fed:
    """A gateway whose user feed the test writes."""

    url: str
    stream: Stream
    feed: UserFeed
    start: UserStart
    """What a feed that begins finds."""
    number: int = 0
    update_id: int = 0

    async def publish(self, changes: int) -> None:
        """So many further changes of what u1 has."""
        documents = []
        for _ in range(changes):
            self.update_id += 1
            asset = f"token-{self.update_id % ASSETS}-{'x' * 1500}"
            change = PositionChanged(
                user_id="u1",
                update_id=self.update_id,
                asset=asset,
                available=self.update_id,
                frozen=0,
            )
            documents.append(change)
        self.number += 1
        await self.stream.append([told_of(self.number, documents)])


def told_of(number: int, documents: Sequence[PositionChanged]) -> bytes:
    """The entry of batch *number*."""
    told = BatchTold(number=number, position=f"{number}-0", hash="")
    return msgspec.json.encode([told, *documents])


@asynccontextmanager
async def fed_gateway(running: Running) -> AsyncIterator[Fed]:
    async with open_stream("memory://", "user_event_stream") as stream:

        async def begin() -> UserStart:
            return fed.start

        feed = UserFeed(stream, {}, begin=begin)
        fed = Fed("", stream, feed, UserStart(Place(START, 0, ""), {}))
        await feed.prepare()
        following = asyncio.create_task(feed.run())
        venue = attrs.evolve(venue_of(running.exchange), users=[feed])
        async with serving(create_app(venue), "127.0.0.1", 0) as url:
            fed.url = url.replace("http", "ws") + "/user"
            try:
                yield fed
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)


async def test_a_client_that_does_not_read_gets_a_snapshot_and_others_miss_nothing(
    running: Running,
) -> None:
    async with (
        fed_gateway(running) as fed,
        connect(fed.url, max_queue=1, sock=narrow_socket(fed.url, 65_536)) as slow_socket,
        connect(fed.url) as fast_socket,
    ):
        slow = await let_in(slow_socket, {"user_id": "u1"}, "u1")
        fast = await let_in(fast_socket, {"user_id": "u1"}, "u1")
        await slow.snapshot()
        slow_socket.transport.pause_reading()
        for _ in range(CHANGES // 100):
            await fed.publish(100)
            await fast.reached(fed.update_id)
        assert fast.reasons == []
        slow_socket.transport.resume_reading()
        await slow.reached(fed.update_id)
        assert slow.reasons[1:] == ["too_slow"]
        assert len(slow.events) < CHANGES - user_subscription.BEHIND_MAX
        assert slow.holdings == fast.holdings
        await fed.publish(100)
        await slow.reached(fed.update_id)
        await fast.reached(fed.update_id)
        assert slow.reasons[1:] == ["too_slow"]
        # Who says from where it goes on is no slow client: it gets all that is kept.
        async with connect(fed.url) as again_socket:
            again = await let_in(again_socket, {"user_id": "u1", "resume_after": 0}, "u1")
            assert msgspec.json.decode(await again_socket.recv()) == {
                "type": "resumed",
                "update_id": 0,
            }
            again.update_id = 0
            await again.reached(fed.update_id)
            assert (again.reasons, again.holdings) == ([], slow.holdings)


async def test_a_feed_that_begins_anew_is_told_as_a_snapshot(running: Running) -> None:
    async with fed_gateway(running) as fed, connect(fed.url) as socket:
        mine = await let_in(socket, {"user_id": "u1"}, "u1")
        await fed.publish(10)
        await mine.reached(10)
        # The log lost its tail and went on above an older snapshot: what was told is not so.
        fed.start = UserStart(
            Place(Position(12, 0), 12, ""), {"u1": UserPicture(4, {}, {"cash": (1_000_000, 0)})}
        )
        await fed.stream.append([told_of(12, [])])
        message = await mine.hear()
        assert (message["type"], mine.reasons) == ("snapshot", ["restarted"])
        assert (mine.update_id, mine.holdings) == (4, {"cash": ("1", "0")})
        fed.number, fed.update_id = 12, 4
        await fed.publish(3)
        await mine.reached(7)
