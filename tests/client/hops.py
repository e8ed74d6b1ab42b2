"""A WebSocket that stands between a client and the exchange, and changes what is said."""

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

    `pass_as` says of each message of the exchange what it is passed on as; None leaves it out.
    `changed` counts those that were not passed on as they came, `asked` is what the client
    said.
    """

    url: str = ""
    pass_as: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda message: message
    changed: int = 0
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
                    said = json.loads(text)
                    passed = one.pass_as(said)
                    one.changed += passed != said
                    if passed is not None:
                        await client.send(json.dumps(passed))

            tasks = [asyncio.create_task(way) for way in (ask(), answer())]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async with serve(pass_on, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        one.url = f"http://127.0.0.1:{port}"
        yield one
