"""Answers of one GET path that are bytes already: the metrics, the API's description."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from pmengine.gateways.http.endpoint import respond
from pmengine.gateways.http.problems import PROBLEM_JSON, Problem


class Page:
    """
    An ASGI application that answers every GET with what *make* gives then.

    Args:
        content_type: Of the bytes.
    """

    def __init__(self, content_type: bytes, make: Callable[[], bytes]) -> None:
        self._content_type = content_type
        self._make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] in ("GET", "HEAD"):
            await respond(send, 200, self._content_type, self._make(), {})
            return
        problem = Problem(
            405,
            "METHOD_NOT_ALLOWED",
            f"{scope['path']} does not take this method; it takes GET",
            headers={b"allow": b"GET, HEAD"},
        )
        await respond(send, problem.status, PROBLEM_JSON, problem.encode(), problem.headers)
