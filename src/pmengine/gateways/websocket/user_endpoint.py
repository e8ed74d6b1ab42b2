"""The user WebSocket as an ASGI application."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import Receive, Scope, Send

from pmengine.gateways.auth import Caller, Door, NotAdmitted
from pmengine.gateways.http.gate import problem_of, read_headers
from pmengine.gateways.http.guard import refuse_socket
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.sockets import AT_ONCE
from pmengine.gateways.websocket.user_connection import UserConnection
from pmengine.services.user_feed import UserFeed


class UserEndpoint:
    """
    Accepts clients and tells each what changes of the user that it is.

    Args:
        feeds: Of all shards, by their numbers.

    Attributes:
        connections: How many are open.
    """

    def __init__(self, feeds: Sequence[UserFeed], door: Door) -> None:
        self.connections = 0
        self._feeds = feeds
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client."""
        await receive()
        try:
            caller = self._caller(scope)
        except Problem as problem:
            await refuse_socket(send, problem)
            return
        await send({"type": "websocket.accept"})
        self.connections += 1
        try:
            await UserConnection(
                feeds=self._feeds,
                door=self._door,
                caller=caller,
                receive=receive,
                send=send,
                at_once=scope["extensions"][AT_ONCE]["send"],
            ).run()
        finally:
            self.connections -= 1

    def _caller(self, scope: Scope) -> Caller | None:
        """Whom the headers name, None if nobody; browsers cannot send them."""
        try:
            caller = self._door.identify(read_headers(scope["headers"]).shown)
        except NotAdmitted as error:
            raise problem_of(error) from None
        return caller if caller is not None and caller.user_id else None
