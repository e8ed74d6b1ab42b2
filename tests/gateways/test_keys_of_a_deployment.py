"""Every gateway of a deployment hears of keys, and none takes a key that may be revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from pmengine.gateways.auth import Door, NotAdmitted, Scope, Shown
from pmengine.processes.entrance import open_entrance
from pmengine.processes.key_desk import create_key, list_keys, revoke_key
from pmengine.settings import PREFIXES, Settings
from pmstore.settings import read_settings
from pmstore.testing.servers import RedisServer

HEARD_S_MAX = 60.0


def settings(redis: RedisServer) -> Settings:
    environ = {
        "REDIS_ENABLED": "true",
        "REDIS_HOST": redis.host,
        "REDIS_PORT": str(redis.port),
        "AUTH": "keys",
        "AUTH_KEYS_MAX_AGE_SECONDS": "2",
    }
    return read_settings(Settings, environ=environ, prefixes=PREFIXES)


def says(door: Door, key: str) -> str:
    """Who shows *key*, or why nobody does."""
    try:
        caller = door.identify(Shown(api_key=key.encode()))
    except NotAdmitted as error:
        return error.code
    return "nobody" if caller is None else caller.user_id


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(HEARD_S_MAX):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.crash
async def test_replicas_hear_of_keys_and_take_none_while_they_cannot(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        chosen = settings(redis)
        first, key = await create_key(chosen, "u1", {Scope.READ})
        async with open_entrance(chosen) as one, open_entrance(chosen) as two:
            doors = (one.door, two.door)
            await until(lambda: all(says(door, key) == "u1" for door in doors))
            second, later = await create_key(chosen, "u2", {Scope.READ})
            await until(lambda: all(says(door, later) == "u2" for door in doors))
            await revoke_key(chosen, first.id)
            await until(lambda: all(says(door, key) == "BAD_CREDENTIALS" for door in doors))
            redis.stop()
            await until(lambda: all(says(door, later) == "KEYS_BEHIND" for door in doors))
            redis.start()
            await until(lambda: all(says(door, later) == "u2" for door in doors))
            await until(lambda: all(says(door, key) == "BAD_CREDENTIALS" for door in doors))
        kept = await list_keys(chosen)
        assert [(one.id, one.revoked_ms is None) for one in kept] == [
            (first.id, False),
            (second.id, True),
        ]
