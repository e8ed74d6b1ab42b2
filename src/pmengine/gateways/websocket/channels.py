"""One channel a market: each delta of the feed is made ready once for all who follow it."""

from __future__ import annotations

from functools import cached_property

import msgspec

from pmengine.gateways.depth_view import show_depths, show_snapshot
from pmengine.gateways.http.showing import show_trade
from pmengine.gateways.websocket.messages import Delta, Snapshot, encode
from pmengine.gateways.websocket.subscription import Subscription
from pmengine.market_deltas import MarketDelta
from pmengine.services.depth import DepthFeed
from pmstore import Level, MarketKey


class Channels:
    """The channels of the markets that somebody follows."""

    def __init__(self, feed: DepthFeed) -> None:
        self._feed = feed
        self._channels: dict[MarketKey, Channel] = {}

    def join(self, key: MarketKey, tokens: tuple[str, str], subscription: Subscription) -> Channel:
        """Let *subscription* have everything of a market from now on."""
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(self._feed, key, tokens)
        channel.subscriptions.add(subscription)
        return channel

    def leave(self, key: MarketKey, subscription: Subscription) -> None:
        """Let it have no more."""
        channel = self._channels[key]
        channel.subscriptions.discard(subscription)
        if not channel.subscriptions:
            channel.close()
            del self._channels[key]


class Channel:
    """A market as its followers see it."""

    def __init__(self, feed: DepthFeed, key: MarketKey, tokens: tuple[str, str]) -> None:
        self.subscriptions: set[Subscription] = set()
        self._feed = feed
        self._key = key
        self._tokens = tokens
        depth = feed.depth(key)
        self._bids = set(depth.bids)
        self._asks = set(depth.asks)
        feed.listen(key, self._tell)

    def close(self) -> None:
        """Listen no more."""
        self._feed.unlisten(self._key, self._tell)

    def snapshot(self) -> tuple[int, str]:
        """The update number of the market now, and its whole depth as text."""
        depth = self._feed.depth(self._key)
        shown = show_snapshot(self._key, self._tokens, depth)
        text = encode(Snapshot(*self._key, shown.update_id, shown.timestamp, shown.depths))
        return shown.update_id, text

    def encode(self, delta: MarketDelta) -> str:
        """The text of *delta*, both tokens."""
        changes = show_depths(self._tokens, delta.bids, delta.asks, delta.last_price)
        return encode(
            Delta(
                delta.event_id,
                delta.market_id,
                delta.prev_update_id,
                delta.update_id,
                delta.timestamp,
                changes,
                [show_trade(trade) for trade in delta.trades],
            )
        )

    def _tell(self, delta: MarketDelta) -> None:
        if delta.cleared:
            # Every level that went is named, so that clients need not know of clearing.
            delta = msgspec.structs.replace(
                delta,
                bids=_with_gone(delta.bids, self._bids, reverse=True),
                asks=_with_gone(delta.asks, self._asks, reverse=False),
            )
        _follow(self._bids, delta.bids)
        _follow(self._asks, delta.asks)
        ready = ReadyDelta(self, delta)
        for subscription in tuple(self.subscriptions):
            subscription.offer(ready)


class ReadyDelta:
    """A delta of the feed whose text is made when the first follower sends it."""

    def __init__(self, channel: Channel, delta: MarketDelta) -> None:
        self.delta = delta
        self._channel = channel

    @cached_property
    def text(self) -> str:
        """The message."""
        return self._channel.encode(self.delta)


def _follow(prices: set[int], changed: list[Level]) -> None:
    for price, lots in changed:
        if lots:
            prices.add(price)
        else:
            prices.discard(price)


def _with_gone(levels: list[Level], prices: set[int], *, reverse: bool) -> list[Level]:
    gone = prices.difference(price for price, _ in levels)
    return sorted([*levels, *[(price, 0) for price in gone]], reverse=reverse)
