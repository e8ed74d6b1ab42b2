"""A client of the depth WebSocket that keeps a market's book from what it is sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import attrs
from websockets.asyncio.client import ClientConnection

Levels = dict[str, tuple[str, str]]
"""Price -> (quantity, money) as they were said."""


@attrs.define
class Mirror:
    """
    One market as snapshot and deltas tell it.

    Every delta must go on where the one before ended; a snapshot begins anew.
    """

    update_id: int = -1
    snapshots: int = 0
    deltas: int = 0
    merged: int = 0
    trades: list[dict[str, Any]] = attrs.Factory(list)
    latest: dict[str, str | None] = attrs.Factory(dict)
    bids: dict[str, Levels] = attrs.Factory(dict)
    asks: dict[str, Levels] = attrs.Factory(dict)

    def hear(self, message: dict[str, Any]) -> None:
        """Follow one message about the market."""
        if message["type"] == "snapshot":
            self.snapshots += 1
            self.bids.clear()
            self.asks.clear()
            sides = message["depths"]
        else:
            assert message["type"] == "delta", message
            assert message["prev_update_id"] == self.update_id
            assert message["update_id"] > self.update_id
            self.deltas += 1
            self.merged += message["update_id"] > self.update_id + 1
            self.trades += message["trades"]
            sides = message["changes"]
        self.update_id = message["update_id"]
        for token, side in sides.items():
            self.latest[token] = side["latest_trade_price"]
            for book, named in ((self.bids, "bids"), (self.asks, "asks")):
                levels = book.setdefault(token, {})
                for level in side[named]:
                    if level["total_quantity"] == "0":
                        levels.pop(level["price"], None)
                    else:
                        levels[level["price"]] = (level["total_quantity"], level["total_size"])

    def depths(self) -> dict[str, Any]:
        """As a snapshot shows it."""
        return {
            token: {
                "latest_trade_price": self.latest[token],
                "bids": _shown(self.bids[token], best_is_high=True),
                "asks": _shown(self.asks[token], best_is_high=False),
            }
            for token in self.latest
        }


def _shown(levels: Levels, *, best_is_high: bool) -> list[dict[str, str]]:
    prices = sorted(levels, key=float, reverse=best_is_high)
    return [
        {
            "price": price,
            "total_quantity": levels[price][0],
            "total_size": levels[price][1],
        }
        for price in prices
    ]


async def hear(socket: ClientConnection) -> Any:
    """The next message."""
    async with asyncio.timeout(60):
        return json.loads(await socket.recv())


async def say(socket: ClientConnection, action: str, **fields: Any) -> None:
    """Ask for something."""
    await socket.send(json.dumps({"action": action, **fields}))


async def follow(socket: ClientConnection, event_id: int, market_id: int) -> Mirror:
    """Subscribe on a fresh connection; the mirror has the first snapshot."""
    assert (await hear(socket))["type"] == "connected"
    key = {"event_id": event_id, "market_id": market_id}
    await say(socket, "subscribe", **key)
    assert await hear(socket) == {"type": "subscribed", **key}
    mirror = Mirror()
    mirror.hear(await hear(socket))
    assert mirror.snapshots == 1
    return mirror
