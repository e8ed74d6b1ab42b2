"""Puts the user feed alone together, for a process of its own."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute

from pmengine.gateways.auth import Door, Limits
from pmengine.gateways.http.guard import LoopbackGuard, SocketGuard
from pmengine.gateways.websocket import UserEndpoint


def create_user_app(users: UserEndpoint, door: Door, limits: Limits) -> Starlette:
    """The WebSocket `/user`, which *users* serves; with AUTH=off for this machine alone."""
    guard = Middleware(LoopbackGuard) if door.is_open else Middleware(SocketGuard, limits=limits)
    return Starlette(
        routes=[WebSocketRoute("/user", users)],
        middleware=[guard],
    )
