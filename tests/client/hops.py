"""A WebSocket that stands between a client and the exchange, and leaves messages out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve


@attrs.define
class Hop:
    """
    Passes messages on, both ways.

    `drop` says of each message of the exchange whether it is left out. `asked` is what the
    client said.
    """

    url: str = ""
    drop: Callable[[dict[str, Any]], bool] = lambda message: False
    dropped: int = 0
    asked: list[dict[str, Any]] = attrs.Factory(list)


@asynccontextmanager
async def hop(url: str) -> AsyncIterator[Hop]:
    """One that stands before the exchange at *url*; WebSockets alone."""
    one = Hop()

    async def pass_on(client: ServerConnection) -> None:
        assert client.request is not None
        async with connect(url.replace("http", "ws") + client.request.path) as server:

            async def ask() -> None:
                async for text in client:
                    one.asked.append(json.loads(text))
                    await server.send(text)

            async def answer() -> None:
                async for text in server:
                    if one.drop(json.loads(text)):
                        one.dropped += 1
                    else:
                        await client.send(text)

            tasks = [asyncio.create_task(way) for way in (ask(), answer())]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async with serve(pass_on, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        one.url = f"http://127.0.0.1:{port}"
        yield one
