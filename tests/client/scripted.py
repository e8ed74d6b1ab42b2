"""An HTTP server that answers as a script says: what stands before an exchange may say anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Canned:
    """One answer; without a status the connection is closed instead."""

    status: int = 0
    body: bytes = b""
    headers: tuple[str, ...] = ()


CUT = Canned()


def problem(status: int, code: str, *headers: str, **more: Any) -> Canned:
    """An answer with problem details."""
    body = json.dumps({"status": status, "code": code, "detail": "told", **more}).encode()
    return Canned(status=status, body=body, headers=headers)


def page(status: int, text: str, *headers: str) -> Canned:
    """An answer that no exchange gives."""
    return Canned(status=status, body=text.encode(), headers=headers)


@attrs.define
class Scripted:
    """Where it listens, and the bodies that it was sent."""

    url: str
    bodies: list[bytes] = attrs.Factory(list)


@asynccontextmanager
async def scripted(answers: Sequence[Canned]) -> AsyncIterator[Scripted]:
    """A server that gives *answers* one after the other, the last one for ever."""
    left = list(answers)
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        task.add_done_callback(serving.discard)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                _, _, after = head.partition(b"content-length:")
                length = int(after.split(b"\r\n")[0]) if after else 0
                one.bodies.append(await reader.readexactly(length))
                answer = left.pop(0) if len(left) > 1 else left[0]
                if not answer.status:
                    return
                lines = [f"HTTP/1.1 {answer.status} X", f"Content-Length: {len(answer.body)}"]
                lines += [*answer.headers, "", ""]
                writer.write("\r\n".join(lines).encode() + answer.body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    one = Scripted(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield one
    finally:
        # A connection that was accepted just now has nobody yet who serves and closes it.
        for _ in range(10):
            await asyncio.sleep(0)
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
