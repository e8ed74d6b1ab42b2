"""One keep-alive HTTP connection: requests and answers in JSON, as cheap as a test can have it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self
from urllib.parse import urlsplit


class NoAnswer(Exception):
    """The connection broke before the whole answer was there: the outcome is unknown."""


class Connection:
    """
    A connection to the exchange as one user; requests go one after the other.

    Args:
        url: Of the server, `http://host:port`.
        user_id: Who asks.
    """

    def __init__(self, url: str, user_id: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._host, self._port = parts.hostname, parts.port
        self._user_id = user_id

    async def __aenter__(self) -> Self:
        try:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            raise NoAnswer(str(error)) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """
        The status and the document that answers.

        Raises:
            NoAnswer: The server went away.
        """
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} /api/v1{path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"X-User-Id: {self._user_id}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        try:
            self._writer.write(head.encode() + content)
            await self._writer.drain()
            status_line, *headers = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
            length = next(
                int(value)
                for name, _, value in (header.partition(b":") for header in headers)
                if name.lower() == b"content-length"
            )
            answer = await self._reader.readexactly(length)
        except (OSError, EOFError) as error:
            raise NoAnswer(str(error)) from error
        return int(status_line.split()[1]), json.loads(answer)
