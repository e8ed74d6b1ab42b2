"""What the tests of streams in Redis share: places on a server, and what others do there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

from pmstore.backends.redis.config import RedisConfig, redis_config
from pmstore.testing.servers import RedisServer
from pmstore.url import parse_url
from tests.given_servers import GivenServer

Server = RedisServer | GivenServer

_DEADLINE_S = 20.0


def config_at(server: Server, prefix: str = "", *, timeout_s: float = 5.0) -> RedisConfig:
    """A namespace on *server*."""
    return redis_config(parse_url(f"{server.url}?prefix={prefix[-60:]}&timeout_s={timeout_s}"))


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
