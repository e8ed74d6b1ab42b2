"""The depth WebSocket as an ASGI application."""

from __future__ import annotations

from prometheus_client import Gauge
from starlette.types import Receive, Scope, Send

from pmengine.gateways.http.freshness import Freshness
from pmengine.gateways.http.sockets import AT_ONCE
from pmengine.gateways.venue import Venue
from pmengine.gateways.websocket.channels import Channels
from pmengine.gateways.websocket.connection import Connection


class DepthEndpoint:
    """
    Accepts clients and tells them of the markets that they subscribe to.

    Args:
        connections: Counts the open ones.
    """

    def __init__(self, venue: Venue, freshness: Freshness, connections: Gauge) -> None:
        self._venue = venue
        self._freshness = freshness
        self._connections = connections
        self._channels = Channels(venue.depth)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client."""
        await receive()
        await send({"type": "websocket.accept"})
        with self._connections.track_inprogress():
            await Connection(
                history=self._venue.history,
                freshness=self._freshness,
                channels=self._channels,
                receive=receive,
                send=send,
                at_once=scope["extensions"][AT_ONCE]["send"],
            ).run()
