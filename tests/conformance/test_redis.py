"""The Redis backend keeps every contract, on one server and on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pmstore.backends.redis.config import RedisConfig, redis_config
from pmstore.backends.redis.order_store import RedisOrderStore
from pmstore.testing import ManualClock, Rig, conformance, order_store_clauses
from pmstore.testing.servers import RedisCluster, RedisServer
from pmstore.url import parse_url

clock = ManualClock()


def config_of(server: RedisServer | RedisCluster, place: Path, **more: object) -> RedisConfig:
    said = "".join(f"&{name}={value}" for name, value in more.items())
    name = place.name[-64:].replace("[", "-").replace("]", "-")
    return redis_config(parse_url(f"{server.url}?prefix={name}{said}"))


Opened = Callable[[RedisConfig], Any]


def rig(server: RedisServer | RedisCluster, opened: Opened, **declared: Any) -> Rig[Any]:
    more = declared.pop("parameters", {})
    return Rig(open=lambda place: opened(config_of(server, place, **more)), durable=True, **declared)


def orders_rig(server: RedisServer | RedisCluster) -> Rig[Any]:
    return rig(
        server,
        lambda config: RedisOrderStore(config, clock=clock),
        parameters={"tombstone_s": 60},
        positioned=True,
        clock=clock,
        tombstone_s=60,
    )


@pytest.fixture
def orders(redis_server: RedisServer) -> Rig[Any]:
    return orders_rig(redis_server)


test_orders = conformance(order_store_clauses, "orders")
