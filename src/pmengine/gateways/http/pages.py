"""Answers of one GET path that are bytes already: metrics, the API's description, the status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import Receive, Scope, Send

from pmengine.gateways.auth import Scope as Needed
from pmengine.gateways.http.endpoint import respond
from pmengine.gateways.http.gate import Gate, read_headers
from pmengine.gateways.http.problems import PROBLEM_JSON, Problem
from pmengine.gateways.venue import HtmlAnswer

HTML: Final = b"text/html; charset=utf-8"


class Page:
    """
    An ASGI application that answers every GET with what *make* gives then.

    Args:
        content_type: Of the bytes.
        gate: Counts who asks, and asks who it is if *needed*.
        needed: What it takes to see it; None if everybody may.
    """

    def __init__(
        self,
        content_type: bytes,
        make: Callable[[], bytes],
        gate: Gate,
        needed: Needed | None = None,
    ) -> None:
        self._content_type = content_type
        self._make = make
        self._gate = gate
        self._needed = needed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            body = self._page(scope)
        except Problem as problem:
            await respond(send, problem.status, PROBLEM_JSON, problem.encode(), problem.headers)
        else:
            await respond(send, 200, self._content_type, body, {})

    def _page(self, scope: Scope) -> bytes:
        let_in(scope, self._gate, self._needed)
        return self._make()


class HtmlPage:
    """
    An ASGI application that answers every GET with the page that *make* gives then.

    Args:
        gate: Counts who asks, and asks who it is if *needed*.
        needed: What it takes to see it; None if everybody may.
    """

    def __init__(
        self, make: Callable[[], Awaitable[HtmlAnswer]], gate: Gate, needed: Needed | None
    ) -> None:
        self._make = make
        self._gate = gate
        self._needed = needed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            let_in(scope, self._gate, self._needed)
        except Problem as problem:
            await respond(send, problem.status, PROBLEM_JSON, problem.encode(), problem.headers)
            return
        page = await self._make()
        headers = {
            b"content-security-policy": page.policy.encode(),
            b"x-content-type-options": b"nosniff",
            b"cache-control": b"no-store",
        }
        await respond(send, page.status, HTML, page.html, headers)


def let_in(scope: Scope, gate: Gate, needed: Needed | None) -> None:
    """
    Let a request see a page.

    Raises:
        Problem: It is no GET (405), or whoever asks may not see it, or asks too much.
    """
    if scope["method"] not in ("GET", "HEAD"):
        raise Problem(
            405,
            "METHOD_NOT_ALLOWED",
            f"{scope['path']} does not take this method; it takes GET",
            headers={b"allow": b"GET, HEAD"},
        )
    gate.admit(scope["client"], read_headers(scope["headers"]), needed)
