"""Each `.env` of `deploy/` says nothing unknown, and the exchange starts with it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from pmengine.settings import PREFIXES, Settings
from pmstore.settings import read_env_file, read_settings
from pmstore.testing.servers import PostgresServer, RedisServer, free_port
from tests.deploy.files import DEPLOY, ENV_FILES, KNOWN, compose_services, outside
from tests.mortal import PMENGINE

START_S_MAX = 90.0
STOP_S_MAX = 60.0
_MODES = {
    ".env.memory": ("development", "file"),
    ".env.single-node": ("single node", "file"),
    ".env.distributed": ("distributed", "redis"),
}


def test_there_is_one_for_each_mode() -> None:
    assert {one.name for one in ENV_FILES} == set(_MODES)


@pytest.mark.parametrize("env_file", ENV_FILES, ids=lambda path: path.name)
def test_every_name_is_known_and_every_value_can_be_read(env_file: Path) -> None:
    said, problems = read_env_file(env_file)
    assert not problems
    assert set(said) <= KNOWN
    settings = read_settings(Settings, env_file=env_file, environ={}, prefixes=PREFIXES)
    mode, streams = _MODES[env_file.name]
    assert settings.storage.mode.value == mode
    assert str(settings.storage.streams).startswith(f"{streams}:")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


async def test_the_exchange_starts_in_memory(tmp_path: Path) -> None:
    async with _up(".env.memory", tmp_path) as url:
        await _takes_orders(url)


async def test_the_exchange_starts_on_a_single_node(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    async with _up(".env.single-node", tmp_path, **_database(postgres, "single")) as url:
        await _takes_orders(url)


async def test_the_services_start_distributed_and_the_health_check_sees_it(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        port = str(free_port())
        environ = {
            **_database(postgres, "distributed"),
            "REDIS_HOST": redis.host,
            "REDIS_PORT": str(redis.port),
            "SERVICE_PORT": port,
        }
        async with _up(".env.distributed", tmp_path, **environ) as url:
            await _takes_orders(url)
            assert await asyncio.to_thread(_health_check, port) == 0
        assert await asyncio.to_thread(_health_check, port) != 0


def _health_check(port: str) -> int:
    """What the health check of the containers ends with."""
    check = compose_services()["relay"]["healthcheck"]["test"]
    assert check[:2] == ["CMD", "python"]
    done = subprocess.run(
        [sys.executable, *check[2:]],
        env=outside() | {"SERVICE_PORT": port},
        capture_output=True,
        check=False,
        timeout=START_S_MAX,
    )
    return done.returncode


def _database(postgres: PostgresServer, name: str) -> dict[str, str]:
    postgres.create_database(name)
    return {
        "DATABASE_HOST": postgres.host,
        "DATABASE_PORT": str(postgres.port),
        "DATABASE_NAME": name,
        "DATABASE_USER": postgres.user,
        "DATABASE_PASSWORD": postgres.password,
    }


@asynccontextmanager
async def _up(env_file: str, folder: Path, **environ: str) -> AsyncIterator[str]:
    """`pmengine up` with that file; where its API is. It must end well."""
    with (folder / "said.txt").open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PMENGINE, "up", "--env", DEPLOY / env_file, "--port", "0"),
            cwd=folder,
            env=outside() | environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S_MAX):
            line = (await process.stdout.readline()).decode()
        words = [word for word in line.split() if word.startswith("http://")]
        assert words, (folder / "said.txt").read_text()
        yield words[0].removesuffix("/api/v1")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S_MAX):
            assert await process.wait() == 0, (folder / "said.txt").read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _takes_orders(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=START_S_MAX) as client:
        async with asyncio.timeout(START_S_MAX):
            while (await client.get(f"{url}/ready")).status_code != 200:
                await asyncio.sleep(0.05)

        async def post(path: str, user_id: str, body: dict[str, Any]) -> int:
            headers = {"X-User-Id": user_id}
            return (
                await client.post(f"{url}/api/v1{path}", json=body, headers=headers)
            ).status_code

        markets = {"1": {"outcomes": ["Yes", "No"], "token_ids": ["y", "n"]}}
        assert await post("/events", "admin", {"event_id": 1, "markets": markets}) in (200, 201)
        money = {"id": "d", "user_id": "u", "amount": "10"}
        assert await post("/deposits", "admin", money) in (200, 201)
        order = {
            "client_order_id": "c",
            "event_id": 1,
            "market_id": 1,
            "token_id": "y",
            "side": "buy",
            "type": "limit",
            "price": "0.5",
            "quantity": "1",
        }
        async with connect(f"{url.replace('http', 'ws')}/user") as socket:
            await socket.send(json.dumps({"user_id": "u", "resume_after": 0}))
            assert await post("/orders", "u", order) == 201
            async with asyncio.timeout(START_S_MAX):
                while (told := json.loads(await socket.recv())).get("asset") != "cash" or (
                    told["frozen"] != "0.5"
                ):
                    pass
