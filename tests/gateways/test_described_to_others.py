"""Whoever goes by the API's description is not surprised: schemathesis finds nothing."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from pmengine.gateways.http.api import OPERATIONS
from tests.gateways.exchange import order, running_exchange
from tests.gateways.guarded import guarded_exchange

ANSWER_TIMEOUT_S = 60.0
HERE = Path(__file__).parent


async def find(url: str, folder: Path, header: str, *options: str) -> tuple[int, str]:
    """Let schemathesis look; its exit code and what it said."""
    looking = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from schemathesis.cli import schemathesis; schemathesis()",
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        f"{url}/api/v1/openapi.json",
        "--header",
        header,
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
    async with running_exchange(
        folder, told=quick(folder), answer_timeout_s=ANSWER_TIMEOUT_S
    ) as running:
        await running.open_market()
        for side, user in (("buy", "u1"), ("sell", "u2")):
            await running.done("POST", "/orders", user=user, json=order(side=side, quantity="2"))
        await running.done("POST", "/orders", json=order(client_order_id="c1"))
        # With AUTH=off any name is a user's.
        checks = ("--checks=all", "--exclude-checks=ignored_auth")
        found, said = await find(running.url, folder, "X-User-Id: u1", *checks, *options)
        assert found == 0, said
        return said


async def look_at_guarded(folder: Path, *options: str) -> str:
    """The same with AUTH on, by who may everything."""
    unlimited = {"API_RATE_PER_USER": "0", "API_RATE_PER_ADDRESS": "0"}
    async with guarded_exchange(folder, **unlimited, **quick(folder)) as guarded:
        await guarded.open_market("u1")
        header = f"Authorization: Bearer {guarded.issuer.token('u1')}"
        found, said = await find(guarded.url, folder, header, "--checks=all", *options)
        assert found == 0, said
        return said


def quick(folder: Path) -> dict[str, str]:
    """What streams promise of crashes is tested elsewhere, and takes most of the time."""
    return {"PMSTORE_STREAMS_URL": f"file:{folder}/streams?fsync=never"}


def tried(said: str) -> int:
    """How many requests there were, to all operations."""
    assert f"Tested: {len(OPERATIONS)}" in said
    counts = re.search(r"(\d+) generated, (\d+) passed", said)
    assert counts is not None, said
    return int(counts[2])


@pytest.mark.timeout(600)
async def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    phases = "--phases=examples,coverage,fuzzing"
    said = await look(tmp_path, phases, "--max-examples=3", "--generation-deterministic")
    assert tried(said) > 1000


@pytest.mark.timeout(600)
async def test_schemathesis_gets_by_no_gate(tmp_path: Path) -> None:
    said = await look_at_guarded(
        tmp_path, "--phases=fuzzing", "--max-examples=3", "--generation-deterministic"
    )
    assert tried(said) > 50


@pytest.mark.soak
async def test_schemathesis_finds_nothing_for_long(tmp_path: Path) -> None:
    await look(tmp_path, "--max-time=600")


@pytest.mark.soak
async def test_schemathesis_gets_by_no_gate_for_long(tmp_path: Path) -> None:
    await look_at_guarded(tmp_path, "--max-time=600")
