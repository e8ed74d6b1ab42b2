"""What the tests of streams in Redis share: places on a server, and what others do there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

from pmstore.backends.redis.config import RedisConfig, redis_config
from pmstore.backends.redis.consumers import RedisConsumers
from pmstore.backends.redis.stream import RedisStream
from pmstore.testing import ConsumedStream
from pmstore.testing.servers import RedisServer
from pmstore.url import parse_url
from tests.given_servers import GivenServer

Server = RedisServer | GivenServer

_DEADLINE_S = 60.0
_LOG_BYTES_MAX = 256 * 1024


def config_at(server: Server, prefix: str = "", *, timeout_s: float = 5.0) -> RedisConfig:
    """A namespace on *server*."""
    return redis_config(parse_url(f"{server.url}?prefix={prefix[-60:]}&timeout_s={timeout_s}"))


def consumed_stream(url: str) -> ConsumedStream:
    """A stream, and groups over it."""
    stream = RedisStream(redis_config(parse_url(url)), "order_input_stream")
    return ConsumedStream(stream, RedisConsumers(stream))


def forget_what_is_long(server: RedisServer) -> None:
    """Empty a server with a long log: each of its starts reads that through."""
    log = (server.folder / "appendonlydir").glob("*")
    if sum(part.stat().st_size for part in log) > _LOG_BYTES_MAX:
        server.restart(empty=True)


async def raw(server: Server, *command: Any) -> Any:
    """What the server answers, word by word, to one command of somebody else."""
    async with Redis.from_url(server.url, protocol=2) as client:
        # redis-py makes something else of the answers to commands that it knows as text.
        return await client.execute_command(command[0].encode(), *command[1:])


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again until *holds* does."""
    async with asyncio.timeout(_DEADLINE_S):
        while not await holds():
            await asyncio.sleep(0.01)
