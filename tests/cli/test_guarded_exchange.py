"""`pmengine up` with AUTH on: keys come and go while it runs, and no secret gets into a log."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import jwt
import pytest
from websockets.asyncio.client import connect

from pmengine.cli.exits import Exit
from pmstore.testing.servers import RedisServer
from tests.deploy.files import outside
from tests.mortal import PMENGINE

START_S_MAX = 90.0
SECRET = "a-secret-that-signs-tokens-of-this-test"
MAIN = "from pmengine.cli import main; main()"
DOCTOR = "from pmstore.cli import main; main()"
ENVIRON = {"AUTH": "jwt,keys", "JWT_SECRET": SECRET, "LOG_LEVEL": "DEBUG", "LOG_FILE": "pm.log"}


def command(
    folder: Path, *words: str, main: str = MAIN, **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", main, *words],
        cwd=folder,
        env=outside() | ENVIRON | environ,
        capture_output=True,
        text=True,
        timeout=START_S_MAX,
        check=False,
    )


@asynccontextmanager
async def up(folder: Path, **environ: str) -> AsyncIterator[str]:
    """The exchange as a process; where its API is. It must end well."""
    with (folder / "said.txt").open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PMENGINE, "up", "--port", "0"),
            cwd=folder,
            env=outside() | ENVIRON | environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S_MAX):
            line = (await process.stdout.readline()).decode()
        words = [word for word in line.split() if word.startswith("http://")]
        assert words, (folder / "said.txt").read_text()
        yield words[0]
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_S_MAX):
            assert await process.wait() == 0, (folder / "said.txt").read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def becomes(client: httpx.AsyncClient, key: str, status: int) -> None:
    async with asyncio.timeout(START_S_MAX):
        while (await client.get("/account", headers={"X-API-Key": key})).status_code != status:
            await asyncio.sleep(0.05)


@pytest.mark.crash
async def test_keys_come_and_go_while_it_runs_and_nothing_secret_is_logged(tmp_path: Path) -> None:
    token = jwt.encode({"sub": "u1", "exp": int(time.time()) + 600, "scope": "read"}, SECRET)
    async with (
        up(tmp_path) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client,
    ):
        made = await asyncio.to_thread(
            command, tmp_path, "key", "create", "alice", "--scope", "trade", "--json"
        )
        assert made.returncode == Exit.FINE, made.stderr
        key = json.loads(made.stdout)
        await becomes(client, key["key"], 200)
        answer = await client.get("/account", headers={"Authorization": f"Bearer {token}"})
        assert answer.json()["user_id"] == "u1"
        for wrong in (token[:-4], token + "x", key["key"] + "x"):
            refused = await client.get("/account", headers={"Authorization": f"Bearer {wrong}"})
            assert refused.status_code == 401
            await client.get(f"/orders/{wrong[:60]}", headers={"X-API-Key": wrong})
        revoked = await asyncio.to_thread(command, tmp_path, "key", "revoke", key["id"])
        assert revoked.returncode == Exit.FINE, revoked.stderr
        await becomes(client, key["key"], 401)
    doctor = command(tmp_path, "doctor", main=DOCTOR)
    listed = command(tmp_path, "key", "list")
    written = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert any("pm" in one.name and one.suffix == ".log" for one in written)
    said = [doctor.stdout, doctor.stderr, listed.stdout, listed.stderr]
    said += [one.read_bytes().decode("latin-1") for one in written]
    everything = "\n".join(said)
    secret = key["key"].removeprefix(f"pmk_{key['id']}_")
    for hidden in (SECRET, key["key"], secret, token, token.rpartition(".")[2]):
        assert hidden not in everything


@pytest.mark.crash
async def test_gateways_over_shared_streams_ask_who_asks_too(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        environ = {
            "REDIS_ENABLED": "true",
            "REDIS_HOST": redis.host,
            "REDIS_PORT": str(redis.port),
        }
        words = ("key", "create", "ops", "--scope", "read", "--scope", "admin", "--json")
        made = await asyncio.to_thread(partial(command, tmp_path, *words, **environ))
        assert made.returncode == Exit.FINE, made.stderr
        key = json.loads(made.stdout)["key"]
        async with (
            up(tmp_path, **environ) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=START_S_MAX) as client,
        ):
            for shown in ({}, {"X-User-Id": "ops"}):
                assert (await client.get("/account", headers=shown)).status_code == 401
                assert (await client.post("/pause", headers=shown)).status_code == 401
            async with connect(url.replace("http", "ws").removesuffix("/api/v1") + "/user") as feed:
                await feed.send('{"user_id":"ops"}')
                assert json.loads(await feed.recv())["code"] == "NO_USER"
            await becomes(client, key, 200)


def test_keys_of_who_signs_that_cannot_be_used_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n")
    chosen = {"AUTH": "jwt", "JWT_SECRET": "", "JWT_PUBLIC_KEY": "key.pem"}
    ran = command(tmp_path, "up", "--port", "0", **chosen)
    assert ran.returncode == Exit.USAGE
    assert "key.pem holds a private key" in ran.stderr
    assert "AAAA" not in ran.stderr
