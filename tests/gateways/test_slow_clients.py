"""A client that does not read costs a bounded debt and nobody else anything."""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import attrs
import msgspec
from websockets.asyncio.client import connect

from pmengine.gateways.http import create_app, serving
from pmengine.gateways.websocket.channels import Channel, ReadyDelta
from pmengine.gateways.websocket.subscription import (
    MERGED_LEVELS_MAX,
    MERGED_TRADES_MAX,
    Subscription,
)
from pmengine.market_deltas import MarketDelta
from pmengine.projections import BatchTold
from pmengine.services.depth import DepthFeed
from pmstore import START, MatchType, Side, Stream, Symbol, Trade, open_stream
from tests.gateways.depth_client import Mirror, follow, hear
from tests.gateways.exchange import Running, venue_of

LEVELS = 150
ENTRIES = 3000


def delta(update_id: int, levels: int = LEVELS, trades: int = 0) -> MarketDelta:
    """The change to *update_id*: other quantities at so many bids."""
    bids = [(4000 - 10 * level, 100 + update_id + level) for level in range(levels)]
    return MarketDelta(
        event_id=1,
        market_id=1,
        prev_update_id=update_id - 1,
        update_id=update_id,
        timestamp=update_id,
        bids=bids,
        last_price=5000,
        trades=[a_trade(update_id * 1000 + number) for number in range(trades)],
    )


def a_trade(trade_id: int) -> Trade:
    symbol = Symbol(1, 1, "y1")
    return Trade(
        trade_id,
        MatchType.NORMAL,
        "taker",
        "maker",
        "u1",
        "u2",
        symbol,
        symbol,
        Side.BUY,
        Side.SELL,
        5000,
        5000,
        100,
        1,
        True,
    )


@attrs.define
class Fed:
    """A gateway whose depth feed the test writes."""

    url: str
    stream: Stream
    feed: DepthFeed

    async def publish(self, deltas: list[MarketDelta]) -> None:
        entries = []
        for one in deltas:
            told = BatchTold(number=one.update_id, position=f"{one.update_id}-0", hash="")
            entries.append(msgspec.json.encode([told, one]))
        await self.stream.append(entries)


@asynccontextmanager
async def fed_gateway(running: Running) -> AsyncIterator[Fed]:
    async with open_stream("memory://", "websocket_stream") as stream:
        feed = DepthFeed(stream, START, {})
        following = asyncio.create_task(feed.run())
        venue = attrs.evolve(venue_of(running.exchange), depth=feed)
        async with serving(create_app(venue), "127.0.0.1", 0) as url:
            yield Fed(url.replace("http", "ws") + "/depth", stream, feed)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def narrow_socket(url: str, buffer_bytes: int = 4096) -> sockets.socket:
    """A connection that takes little before its reader reads."""
    host, _, port = urlsplit(url).netloc.partition(":")
    socket = sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM)
    socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, buffer_bytes)
    socket.connect((host, int(port)))
    socket.setblocking(False)
    return socket


async def test_a_client_that_does_not_read_goes_on_later_and_others_miss_nothing(
    running: Running,
) -> None:
    async with (
        fed_gateway(running) as fed,
        # Who does not read hears no pong.
        connect(
            fed.url,
            max_size=None,
            max_queue=1,
            ping_interval=None,
            sock=narrow_socket(fed.url),
        ) as slow,
        connect(fed.url, max_size=None, ping_interval=None) as fast,
    ):
        slow_mirror = await follow(slow, 1, 1)
        fast_mirror = await follow(fast, 1, 1)
        slow.transport.pause_reading()
        for start in range(1, ENTRIES, 50):
            await fed.publish([delta(id) for id in range(start, start + 50)])
            while fast_mirror.update_id < start + 49:
                fast_mirror.hear(await hear(fast))
        assert fast_mirror.snapshots == 1
        last = fast_mirror.update_id
        slow.transport.resume_reading()
        while slow_mirror.update_id < last:
            slow_mirror.hear(await hear(slow))
        # What the slow one was sent instead of 3000 deltas: what fitted the buffers, and the
        # rest as one.
        assert slow_mirror.deltas + slow_mirror.snapshots < ENTRIES / 2
        assert slow_mirror.merged + slow_mirror.snapshots > 1
        assert slow_mirror.depths() == fast_mirror.depths()
        await fed.publish([delta(last + 1)])
        slow_mirror.hear(await hear(slow))
        assert slow_mirror.update_id == last + 1


@asynccontextmanager
async def owing() -> AsyncIterator[Debt]:
    async with open_stream("memory://", "websocket_stream") as stream:
        yield Debt(DepthFeed(stream, START, {}))


class Debt:
    """One client of one market, without a network between."""

    def __init__(self, feed: DepthFeed) -> None:
        self.mirror = Mirror()
        self._feed = feed
        self._channel = Channel(feed, (1, 1), ("y1", "n1"))
        self._subscription = Subscription(lambda _: None)
        self._subscription.ask_snapshot()
        self.pay()

    def owe(self, one: MarketDelta) -> None:
        """The market changed, and the client was not sent it yet."""
        self._feed.depth((1, 1)).apply(one)
        self._subscription.offer(ReadyDelta(self._channel, one))

    def pay(self) -> int:
        """Send what is owed; the length of the message, 0 if there is none."""
        text = self._subscription.take(self._channel)
        if text is None:
            return 0
        self.mirror.hear(msgspec.json.decode(text))
        return len(text)


async def test_what_a_client_is_owed_is_one_message_however_much_happened() -> None:
    async with owing() as debt:
        debt.owe(delta(1))
        alone = debt.pay()
        for update_id in range(2, 1001):
            debt.owe(delta(update_id))
        assert 0 < debt.pay() < 2 * alone
        assert debt.pay() == 0
        assert (debt.mirror.snapshots, debt.mirror.deltas) == (1, 2)
        assert debt.mirror.update_id == 1000
        debt.owe(delta(1001))
        debt.pay()
        assert debt.mirror.update_id == 1001


async def test_a_debt_of_too_many_trades_becomes_a_snapshot() -> None:
    async with owing() as debt:
        for update_id in range(1, 4):
            debt.owe(delta(update_id, trades=MERGED_TRADES_MAX // 2))
        debt.owe(delta(4, trades=1))
        debt.pay()
        assert (debt.mirror.snapshots, debt.mirror.deltas) == (2, 0)
        assert (debt.mirror.update_id, debt.mirror.trades) == (4, [])
        assert debt.pay() == 0
        debt.owe(delta(5, trades=1))
        debt.pay()
        assert len(debt.mirror.trades) == 1


async def test_a_debt_of_too_many_levels_becomes_a_snapshot() -> None:
    def asks(update_id: int, prices: range) -> MarketDelta:
        changed = [(price, 100) for price in prices]
        return msgspec.structs.replace(delta(update_id, levels=0), asks=changed)

    async with owing() as debt:
        debt.owe(asks(1, range(5000, 5000 + MERGED_LEVELS_MAX)))
        debt.owe(asks(2, range(5000, 5000 + MERGED_LEVELS_MAX)))
        debt.pay()
        assert (debt.mirror.snapshots, debt.mirror.deltas) == (1, 1)
        debt.owe(asks(3, range(5000, 5000 + MERGED_LEVELS_MAX)))
        debt.owe(asks(4, range(7000, 7001)))
        debt.pay()
        assert (debt.mirror.snapshots, debt.mirror.deltas) == (2, 1)
        assert len(debt.mirror.depths()["y1"]["asks"]) == MERGED_LEVELS_MAX + 1


async def test_a_gap_in_the_feed_becomes_a_snapshot() -> None:
    async with owing() as debt:
        debt.owe(delta(1))
        debt.pay()
        debt.owe(delta(3))
        debt.pay()
        assert (debt.mirror.snapshots, debt.mirror.update_id) == (2, 3)
        debt.owe(delta(2))
        assert debt.pay() == 0
