"""Bytes over a socket, for what no client library would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import attrs

ANSWER_S_MAX = 60.0


@attrs.define
class Wire:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        """Send bytes; whoever hung up meanwhile does not hear them."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            pass

    async def rest(self) -> bytes:
        """Everything until the other side closes."""
        async with asyncio.timeout(ANSWER_S_MAX):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def head(self) -> bytes:
        """The head of one answer."""
        async with asyncio.timeout(ANSWER_S_MAX):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of one answer that says its length."""
        head = await self.head()
        length = next(
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        async with asyncio.timeout(ANSWER_S_MAX):
            return int(head.split()[1]), await self.reader.readexactly(length)


@asynccontextmanager
async def wired(url: str, *, local: str | None = None) -> AsyncIterator[Wire]:
    """A connection to *url*, from the address *local* of this machine."""
    wire = await wire_to(url, local=local)
    try:
        yield wire
    finally:
        wire.writer.transport.abort()


async def wire_to(url: str, *, local: str | None = None) -> Wire:
    """As `wired`; who opens it closes it."""
    parts = urlsplit(url)
    came_from = None if local is None else (local, 0)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, local_addr=came_from)
    return Wire(reader, writer)


def get(path: str, **headers: str) -> bytes:
    """A request without a body; `_` in a header's name is a dash."""
    lines = [f"GET {path} HTTP/1.1", "host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
