"""A client of the user WebSocket that keeps what its user has from what it is told."""

from __future__ import annotations

import json
from typing import Any

import attrs
from websockets.asyncio.client import ClientConnection

from tests.gateways.depth_client import hear
from tests.gateways.exchange import Running


@attrs.define
class Mine:
    """
    What a user has as snapshots and changes tell it; each must go on where the last was.

    Args:
        socket: Of a client that was let in.
    """

    socket: ClientConnection
    user_id: str
    update_id: int
    orders: dict[str, dict[str, Any]] = attrs.Factory(dict)
    holdings: dict[str, tuple[str, str]] = attrs.Factory(dict)
    events: list[str] = attrs.Factory(list)
    reasons: list[str] = attrs.Factory(list)
    """Why snapshots came."""

    async def hear(self) -> dict[str, Any]:
        """Follow one message."""
        message: dict[str, Any] = await hear(self.socket)
        self.take(message)
        return message

    def take(self, message: dict[str, Any]) -> None:
        """Take a message in."""
        if message["type"] == "snapshot":
            self._replace(message)
            return
        assert message["update_id"] == self.update_id + 1, message
        self.update_id += 1
        self.events.append(message["event"])
        if message["type"] == "position_change":
            asset, event = message["asset"], message["event"]
            if self.reasons:  # it knows everything that there was before
                assert (asset in self.holdings) == (event != "position_created"), message
            self.holdings[asset] = (message["available"], message["frozen"])
            if event == "position_removed":
                assert self.holdings.pop(asset) == ("0", "0")
            return
        assert message["type"] == "open_order_change", message
        order = message["order"]
        assert order["id"] == message["order_id"]
        if self.reasons:
            assert (order["id"] in self.orders) == (message["event"] != "open_order_created")
        self.orders[order["id"]] = order
        if message["event"] in ("open_order_cancelled", "open_order_filled"):
            wanted = message["event"].removeprefix("open_order_")
            assert self.orders.pop(order["id"])["status"] == wanted

    def _replace(self, message: dict[str, Any]) -> None:
        if not self.reasons or self.update_id != message["update_id"]:
            self.orders.clear()
            self.holdings.clear()
        self.reasons.append(message["reason"])
        self.update_id = message["update_id"]
        self.orders |= {order["id"]: order for order in message["orders"]}
        for row in message["balances"]:
            self.holdings[row["asset"]] = (row["available"], row["frozen"])

    async def reached(self, update_id: int) -> None:
        """Hear until that update."""
        while self.update_id < update_id:
            await self.hear()

    async def snapshot(self) -> None:
        """Ask for everything, and take it in; changes before it are taken in too."""
        await self.socket.send(json.dumps({"action": "snapshot"}))
        while (message := await self.hear())["type"] != "snapshot" or message["more"]:
            pass


async def let_in(socket: ClientConnection, first: dict[str, Any], user_id: str) -> Mine:
    """Say *first*, and be let in as *user_id*."""
    await socket.send(json.dumps(first))
    return await admitted(socket, user_id)


async def admitted(socket: ClientConnection, user_id: str) -> Mine:
    """Be let in as *user_id*."""
    message = await hear(socket)
    assert (message["type"], message["user_id"]) == ("auth", user_id), message
    return Mine(socket, user_id, message["update_id"])


async def shown(running: Running, user_id: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The user's open orders and account, as the API shows them."""
    page = await running.done("GET", "/orders?status=active&limit=1000", user=user_id)
    account = await running.done("GET", "/account", user=user_id)
    holdings = {one["token_id"]: (one["available"], one["frozen"]) for one in account["positions"]}
    cash = account["cash"]
    if cash != {"available": "0", "frozen": "0"}:
        holdings["cash"] = (cash["available"], cash["frozen"])
    return page["items"], holdings


async def assert_right(mine: Mine, running: Running) -> None:
    """What the client has is what the API shows."""
    orders, holdings = await shown(running, mine.user_id)
    newest = running.exchange.users.update_id(mine.user_id)
    await mine.reached(newest)
    assert sorted(mine.orders) == sorted(order["id"] for order in orders)
    for order in orders:
        told = mine.orders[order["id"]]
        assert {name: order[name] for name in told if name in order} == told
    assert mine.holdings == holdings
