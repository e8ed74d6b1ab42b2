"""
What comes before every request and every WebSocket, whatever it asks for.

Pages from elsewhere are kept out while everybody is admin (AUTH=off); WebSockets are counted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from pmengine.gateways.auth import Limits, NotAdmitted
from pmengine.gateways.http.endpoint import respond
from pmengine.gateways.http.gate import problem_of
from pmengine.gateways.http.problems import PROBLEM_JSON, Problem
from pmengine.gateways.loopback import is_loopback


class LoopbackGuard:
    """
    Lets only requests through that come from this machine, name it, and are of no foreign page.

    Settings refuse to listen elsewhere with AUTH=off; whoever forgets to ask them, or to pass
    a door on, opens nothing to others.
    A page elsewhere reaches 127.0.0.1 through the browser of who looks at it: it then says
    its own Origin, or, with a name that it made point here, its own Host.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it (403)."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host = origin = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
        problem = None
        if not _is_own_address((scope["client"] or ("", 0))[0]):
            problem = Problem(
                403, "FOREIGN_ADDRESS", "with AUTH=off only this machine is answered; set AUTH"
            )
        elif not _is_own_host(host):
            problem = Problem(
                403,
                "FOREIGN_HOST",
                "the Host names another machine; use 127.0.0.1 or localhost",
                field="Host",
            )
        elif origin and not _is_own_origin(origin, host):
            problem = Problem(
                403,
                "FOREIGN_ORIGIN",
                "the request comes from a page of another origin, which may not speak to this",
                field="Origin",
            )
        if problem is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem.code})
        else:
            await respond(send, problem.status, PROBLEM_JSON, problem.encode(), problem.headers)


class SocketGuard:
    """Counts WebSockets by the address that they come from, and refuses what is too much."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the WebSocket on, or refuse it (429)."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        peer = (scope["client"] or ("", 0))[0]
        named = (value for name, value in scope["headers"] if name == b"x-forwarded-for")
        forwarded_for = b",".join(named)
        try:
            self._limits.take_address(peer, forwarded_for)
            close = self._limits.open_socket(peer, forwarded_for)
        except NotAdmitted as error:
            await refuse_socket(send, problem_of(error))
            return
        try:
            await self._app(scope, receive, send)
        finally:
            close()


async def refuse_socket(send: Send, problem: Problem) -> None:
    """Answer *problem* to who asked for a WebSocket, before it is open."""
    body = problem.encode()
    await send(
        {
            "type": "websocket.http.response.start",
            "status": problem.status,
            "headers": [
                (b"content-type", PROBLEM_JSON),
                (b"content-length", b"%d" % len(body)),
                *problem.headers.items(),
            ],
        }
    )
    await send({"type": "websocket.http.response.body", "body": body})


_is_own_address: Final = lru_cache(maxsize=64)(is_loopback)


@lru_cache(maxsize=64)
def _is_own_host(host: bytes) -> bool:
    name, colon, port = host.decode("latin-1").lower().rpartition(":")
    if not colon or port.endswith("]"):
        return is_loopback(host.decode("latin-1").lower())
    return port.isdigit() and is_loopback(name)


def _is_own_origin(origin: bytes, host: bytes) -> bool:
    scheme, _, authority = origin.lower().partition(b"://")
    return scheme in (b"http", b"https") and authority == host.lower()
