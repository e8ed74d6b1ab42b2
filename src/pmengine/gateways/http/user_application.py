"""Puts the user feed alone together, for a process of its own."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Gauge
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute

from pmengine.gateways.auth import Door, Limits
from pmengine.gateways.http.guard import LoopbackGuard, SocketGuard
from pmengine.gateways.websocket import UserEndpoint
from pmengine.services.user_feed import UserFeed


def create_user_app(
    feeds: Sequence[UserFeed], door: Door, limits: Limits, connections: Gauge
) -> Starlette:
    """
    The WebSocket `/user`; with AUTH=off for this machine alone.

    Args:
        feeds: Of all shards, by their numbers.
        connections: Counts the open ones.
    """
    guard = Middleware(LoopbackGuard) if door.is_open else Middleware(SocketGuard, limits=limits)
    return Starlette(
        routes=[WebSocketRoute("/user", UserEndpoint(feeds, door, connections))],
        middleware=[guard],
    )
