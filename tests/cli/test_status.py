"""`pmengine run` and `pmengine status` on a real Redis, and where they cannot be."""

from __future__ import annotations

import asyncio
import html
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pmengine.cli.exits import Exit
from pmstore import open_stream
from pmstore.testing.servers import RedisServer, free_port
from tests.mortal import PMENGINE
from tests.services.fleet import Fleet, over_redis

SEEN_S_MAX = 120.0
ENDED_S_MAX = 60.0


async def pmengine(
    *words: str, cwd: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", "from pmengine.cli import main; main()", *words],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200"} | dict(environ),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


async def shown_when(
    holds: Callable[[subprocess.CompletedProcess[str]], bool],
    *words: str,
    cwd: Path,
    environ: Mapping[str, str],
) -> subprocess.CompletedProcess[str]:
    """What `pmengine status` shows as soon as *holds*: what services say of themselves comes."""
    shown = await pmengine("status", *words, cwd=cwd, environ=environ)
    try:
        async with asyncio.timeout(SEEN_S_MAX):
            while not holds(shown):
                shown = await pmengine("status", *words, cwd=cwd, environ=environ)
    except TimeoutError:
        pytest.fail(f"it shows {shown.stdout}{shown.stderr}")
    return shown


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())


def is_all_well(shown: subprocess.CompletedProcess[str]) -> bool:
    """Whether nothing is wrong, and nobody is behind."""
    if shown.returncode != Exit.FINE:
        return False
    seen = json.loads(shown.stdout)
    lags = {one["lag"] for one in seen["services"]}
    return lags == {0} and set(seen["projections"].values()) == {seen["log"]["last"]}


def states(shown: subprocess.CompletedProcess[str]) -> set[tuple[str, str]]:
    """Each service with its state."""
    return {(one["service"], one["state"]) for one in json.loads(shown.stdout)["services"]}


@pytest.mark.crash
async def test_status_says_who_runs_who_leads_and_what_is_wrong(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        port = free_port()
        environ = over_redis(server.host, server.port, API_PORT=str(port))
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            engine = await fleet.run("engine")
            await engine.until("engine", role="leader")
            standby = await fleet.run("engine")
            rest = await fleet.run("relay processor store history depth api")
            await standby.until("engine", role="standby")
            await rest.ready()

            shown = await shown_when(is_all_well, "--json", cwd=tmp_path, environ=environ)
            seen = json.loads(shown.stdout)
            assert seen["problems"] == []
            assert "syncs its append-only file before it answers" in seen["promise"]
            assert (await engine.vitals())["promise"] == seen["promise"]
            told = (await engine.vitals())["services"][0]
            assert (seen["leader"], seen["epoch"]) == (told["instance"], told["epoch"])
            roles = sorted((one["service"], one["role"]) for one in seen["services"])
            assert roles == [
                ("api", ""),
                ("depth", ""),
                ("engine", "leader"),
                ("engine", "standby"),
                ("history", "leader"),
                ("processor", ""),
                ("relay", ""),
                ("store", "leader"),
            ]
            assert {one["lag"] for one in seen["services"]} == {0}
            assert set(seen["projections"].values()) == {seen["log"]["last"]}
            assert {one["pid"] for one in seen["services"]} == {engine.pid, standby.pid, rest.pid}

            metrics = await asyncio.to_thread(read, f"{engine.health}/metrics")
            assert 'pmengine_service_leader{service="engine"} 1.0' in metrics
            assert await asyncio.to_thread(read, f"{rest.health}/health") == '{"status":"alive"}'

            page = ""
            async with asyncio.timeout(SEEN_S_MAX):
                while "No problems." not in page:
                    page = await asyncio.to_thread(read, f"http://127.0.0.1:{port}/status")
            assert page.count('<td class="good">ready</td>') == len(seen["services"])
            for word in (seen["leader"], seen["promise"], *seen["projections"]):
                assert html.escape(word) in page

            await rest.kill()
            # A service that says nothing for a while is gone.
            shown = await shown_when(
                lambda shown: all(
                    f"PROBLEM: no {name} does its work" in shown.stdout
                    for name in ("relay", "store", "history", "api")
                ),
                cwd=tmp_path,
                environ=environ,
            )
            assert shown.returncode == Exit.DIFFERENT
            await standby.stop()
            await engine.stop()
            ended = {("engine", "ended"), ("relay", "silent")}
            shown = await shown_when(
                lambda shown: ended <= states(shown), "--json", cwd=tmp_path, environ=environ
            )
            assert json.loads(shown.stdout)["leader"] is None


async def test_status_of_streams_that_nobody_serves_is_said_in_one_line(tmp_path: Path) -> None:
    environ = over_redis("127.0.0.1", free_port())
    shown: Any = await pmengine("status", cwd=tmp_path, environ=environ)
    assert shown.returncode == Exit.STOPPED
    assert "Traceback" not in shown.stderr
    assert "127.0.0.1" in shown.stderr
    assert "The exchange cannot run" not in shown.stderr  # perhaps it does


async def test_processes_on_file_streams_are_refused_with_what_to_do(tmp_path: Path) -> None:
    environ = {"DATA_DIR": str(tmp_path / "data")}
    shown = await pmengine("run", "engine", cwd=tmp_path, environ=environ)
    assert shown.returncode == Exit.USAGE
    assert "pmengine up" in shown.stderr
    assert "REDIS_ENABLED=true" in shown.stderr
    assert not (tmp_path / "data").exists()


async def test_a_service_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    shown = await pmengine("run", "engin", cwd=tmp_path, environ={})
    assert shown.returncode == Exit.USAGE
    words = " ".join(shown.stderr.replace("│", " ").split())
    assert "engine, relay, processor, settlement, store, history, depth, api" in words


async def test_a_demo_does_not_mix_with_a_deployment(tmp_path: Path) -> None:
    environ = over_redis("127.0.0.1", free_port())
    shown = await pmengine("demo", "--exit", cwd=tmp_path, environ=environ)
    assert shown.returncode == Exit.USAGE
    assert "pmengine up" in shown.stderr


async def test_an_exchange_in_one_process_has_a_status_too(tmp_path: Path) -> None:
    port = str(free_port())
    alone = {"DATA_DIR": str(tmp_path / "data"), "API_PORT": port, "REDIS_ENABLED": "false"}
    # Nobody answers at that Redis, and it need not.
    environ = over_redis("127.0.0.1", free_port(), REDIS_OPTIONAL="true")
    with subprocess.Popen(
        [sys.executable, "-c", PMENGINE, "up"],
        cwd=tmp_path,
        env=os.environ | alone | environ | {"API_PORT": port},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as up:
        try:
            assert up.stdout is not None
            line = await asyncio.to_thread(up.stdout.readline)
            assert f"http://127.0.0.1:{port}/api/v1" in line
            shown = await shown_when(
                lambda shown: shown.returncode == Exit.FINE, "--json", cwd=tmp_path, environ=alone
            )
            seen = json.loads(shown.stdout)
            assert seen["problems"] == []
            assert "survives the crash of everything" in seen["promise"]
            up.terminate()
            assert await asyncio.to_thread(up.wait, ENDED_S_MAX) == 0
        finally:
            up.kill()
    shown = await pmengine("status", cwd=tmp_path, environ=alone)
    assert shown.returncode == Exit.DIFFERENT
    assert f"nobody answers at http://127.0.0.1:{port}" in shown.stdout


async def test_a_port_at_which_something_else_answers_is_said_to_be_no_exchange(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with open_stream(f"file:{data}/streams", "store_stream"):
        pass

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR unknown command\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        port = str(other.sockets[0].getsockname()[1])
        environ = {"DATA_DIR": str(data), "API_PORT": port}
        shown = await pmengine("status", cwd=tmp_path, environ=environ)
    assert shown.returncode == Exit.DIFFERENT, shown.stderr
    assert "is no exchange" in shown.stdout
    assert "API_PORT" in shown.stdout


@pytest.mark.parametrize("words", [["status"], ["verify"], ["explain", "o1"]])
async def test_the_log_of_another_engine_is_not_called_damaged(
    tmp_path: Path, words: list[str]
) -> None:
    told = await pmengine(*words, cwd=tmp_path, environ={"STORE_FOREIGN": "true"})
    assert told.returncode == Exit.USAGE
    assert "STORE_FOREIGN: another engine writes store_stream" in told.stderr


async def test_an_address_of_ipv6_is_shown_as_a_url_has_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with open_stream(f"file:{data}/streams", "store_stream"):
        pass
    environ = {"DATA_DIR": str(data), "API_HOST": "::1", "API_PORT": str(free_port())}
    shown = await pmengine("status", cwd=tmp_path, environ=environ)
    assert f"nobody answers at http://[::1]:{environ['API_PORT']} " in shown.stdout
