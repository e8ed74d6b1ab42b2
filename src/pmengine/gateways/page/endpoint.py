"""Answers requests for the page: each of its files at its own path, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from pmengine.gateways.http.endpoint import JSON, respond
from pmengine.gateways.http.gate import Gate
from pmengine.gateways.http.pages import let_in
from pmengine.gateways.http.problems import PROBLEM_JSON, Problem
from pmengine.gateways.page.files import PageFile
from pmengine.gateways.page.told import WebPage

_YEAR_S: Final = 31_536_000
_FOR_EVER: Final = b"public, max-age=%d, immutable" % _YEAR_S
_ASK_AGAIN: Final = b"no-cache"
_HEADERS: Final = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def page_routes(page: WebPage, gate: Gate) -> list[BaseRoute]:
    """
    `/`, every other file of *page*, and `/page.json`, which says where the page is.

    Everybody may see it: what is somebody's own comes from the API, which asks who asks. There
    is a route for each file that was there at the start, so no path leads to any other.
    """
    headers = {**_HEADERS, b"content-security-policy": page.policy()}
    routes: list[BaseRoute] = [
        Route(path, FileEndpoint(one, gate, headers)) for path, one in page.files.items()
    ]
    told = PageFile(content_type=JSON, body=page.told(), packed=None, etag="", is_hashed=False)
    return [*routes, Route("/page.json", FileEndpoint(told, gate, headers))]


class FileEndpoint:
    """
    An ASGI application that answers GET with one file, or says that it has not changed.

    Args:
        gate: Counts who asks.
        headers: Sent with every answer.
    """

    def __init__(self, file: PageFile, gate: Gate, headers: Mapping[bytes, bytes]) -> None:
        self._file = file
        self._gate = gate
        caching = {b"cache-control": _FOR_EVER if file.is_hashed else _ASK_AGAIN}
        if file.packed is not None:
            caching[b"vary"] = b"accept-encoding"
        self._headers = {**headers, **caching}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            let_in(scope, self._gate, None)
        except Problem as problem:
            await respond(send, problem.status, PROBLEM_JSON, problem.encode(), problem.headers)
            return
        file, headers = self._file, dict(self._headers)
        body, etag = file.body, file.etag
        if file.packed is not None and _takes_gzip(_header(scope, b"accept-encoding")):
            body, etag = file.packed, f"{etag}-gzip"
            headers[b"content-encoding"] = b"gzip"
        if etag:
            headers[b"etag"] = f'"{etag}"'.encode()
            if _names(_header(scope, b"if-none-match"), etag):
                headers.pop(b"content-encoding", None)
                start = {"type": "http.response.start", "status": 304}
                await send({**start, "headers": list(headers.items())})
                await send({"type": "http.response.body", "body": b""})
                return
        await respond(send, 200, file.content_type, body, headers)


def _header(scope: Scope, name: bytes) -> str:
    found = [value for one, value in scope["headers"] if one == name]
    return b",".join(found).decode("latin-1").lower()


def _takes_gzip(accepted: str) -> bool:
    """Whether a client that sends this Accept-Encoding reads gzip."""
    for one in accepted.split(","):
        name, _, quality = one.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _names(conditions: str, etag: str) -> bool:
    """Whether this If-None-Match names *etag*, weakly or not, or anything."""
    named = [one.strip().removeprefix("w/") for one in conditions.split(",")]
    return f'"{etag}"' in named or "*" in named
