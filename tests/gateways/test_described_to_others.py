"""Whoever goes by the API's description is not surprised: schemathesis finds nothing."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from pmengine.gateways.http.api import OPERATIONS
from tests.gateways.exchange import Running, order, running_exchange

ANSWER_TIMEOUT_S = 60.0
HERE = Path(__file__).parent


async def find(running: Running, folder: Path, *options: str) -> tuple[int, str]:
    """Let schemathesis look; its exit code and what it said."""
    looking = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from schemathesis.cli import schemathesis; schemathesis()",
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        f"{running.url}/api/v1/openapi.json",
        "--header",
        "X-User-Id: u1",
        "--checks",
        "all",
        # With AUTH=off any name is a user's.
        "--exclude-checks",
        "ignored_auth",
        "--no-color",
        "--continue-on-failure",
        *options,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await looking.communicate()
    finally:
        if looking.returncode is None:
            looking.kill()
            await looking.wait()
    assert looking.returncode is not None
    return looking.returncode, said.decode()


async def look(folder: Path, *options: str) -> str:
    """What schemathesis says of an exchange with a market, orders and trades; it finds nothing."""
    # What it promises of crashes is tested elsewhere, and takes most of the time.
    told = {"PMSTORE_STREAMS_URL": f"file:{folder}/streams?fsync=never"}
    async with running_exchange(folder, told=told, answer_timeout_s=ANSWER_TIMEOUT_S) as running:
        await running.open_market()
        for side, user in (("buy", "u1"), ("sell", "u2")):
            await running.done("POST", "/orders", user=user, json=order(side=side, quantity="2"))
        await running.done("POST", "/orders", json=order(client_order_id="c1"))
        found, said = await find(running, folder, *options)
        assert found == 0, said
        return said


@pytest.mark.timeout(600)
async def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    said = await look(
        tmp_path,
        "--phases=examples,coverage,fuzzing",
        "--max-examples=3",
        "--generation-deterministic",
    )
    assert f"Tested: {len(OPERATIONS)}" in said
    tried = re.search(r"(\d+) generated, (\d+) passed", said)
    assert tried is not None, said
    assert int(tried[1]) == int(tried[2]) > 1000


@pytest.mark.soak
async def test_schemathesis_finds_nothing_for_long(tmp_path: Path) -> None:
    await look(tmp_path, "--max-time=600")
