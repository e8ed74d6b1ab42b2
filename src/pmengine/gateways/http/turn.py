"""One request and its answer: an answer that is whole is written whole, at once."""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import (
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

_WITHOUT_BODY: Final = frozenset({204, 304})


class Turn(RequestResponseCycle):
    """
    As uvicorn's, but that head and body of an answer in one piece are one write.

    Everything else (an answer in pieces, of unknown length, to HEAD, that ends the connection)
    is written by uvicorn's.
    """

    _start: Any = None

    async def send(self, message: Any) -> None:
        """Write a part of the answer; a head waits for the body that belongs to it."""
        if message["type"] == "http.response.start" and not self.response_started:
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await super().send(message)
            return
        body = message.get("body", b"")
        head = None if message.get("more_body") else self._head(start, len(body))
        if head is None:
            await super().send(start)
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(head + body)
        self.message_event.set()
        self.on_response()

    def _head(self, start: Any, length: int) -> bytes | None:
        """The bytes before the body, None if they are not for here to write."""
        status = start["status"]
        if not self.keep_alive or status in _WITHOUT_BODY or self.scope["method"] == "HEAD":
            return None
        lines = [STATUS_LINE[status]]
        has_length = False
        for name, value in (*self.default_headers, *start["headers"]):
            if HEADER_VALUE_RE.search(value) or name in (b"connection", b"transfer-encoding"):
                return None
            if name == b"content-length":
                has_length = int(value) == length
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n")
        return b"".join(lines) if has_length else None
