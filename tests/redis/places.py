"""Places of their own on the servers of the tests."""

from __future__ import annotations

import secrets

from pmstore.backends.redis import RedisConfig, redis_config
from pmstore.testing.servers import RedisCluster, RedisServer
from pmstore.url import parse_url
from tests.given_servers import GivenServer

Server = RedisServer | RedisCluster | GivenServer


def here(server: Server | str, **parameters: object) -> RedisConfig:
    """A namespace that nobody else uses, on *server* or at a URL without parameters."""
    url = server if isinstance(server, str) else server.url
    given = {"prefix": secrets.token_hex(8), "timeout_s": 2, **parameters}
    said = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
    return redis_config(parse_url(f"{url}?{said}"))
