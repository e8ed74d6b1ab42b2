"""`pmstore verify` finds broken laws of a live stack, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from redis import Redis
from typer.testing import CliRunner

import pmstore
from pmstore.backends import file
from pmstore.backends.file.upkeep import FileUpkeep
from pmstore.backends.memory import MemoryOrderStore
from pmstore.cli.application import application
from pmstore.models.order import Order
from pmstore.plugin import Backend
from pmstore.testing.servers import RedisServer
from tests.given_servers import GivenServer


def verified(*words: str) -> tuple[int, list[dict[str, Any]]]:
    ran = CliRunner().invoke(application, ["verify", *words, "--json"])
    return ran.exit_code, json.loads(ran.stdout) if ran.exit_code in (0, 1) else []


class IgnoresVersions(MemoryOrderStore):
    """The order that comes last wins."""

    async def save(self, orders: Sequence[Order], /) -> None:
        for one in orders:
            self._orders.pop(one.id, None)
        await super().save(orders)


class Untouched:
    """An upkeep of stores that keep nothing."""

    async def contents(self, config: Any, /) -> dict[str, int]:
        return {}

    async def wipe(self, config: Any, /) -> None:
        return

    async def prune_trades(self, config: Any, before_ms: int, /) -> int:
        return 0


BROKEN = Backend(
    name="broken",
    schemes=("broken-orders",),
    config=lambda url: url,
    contracts={"orders": lambda config: IgnoresVersions()},
    durable=False,
    shared=False,
    upkeep=Untouched(),
    scratch=lambda url, name: url,
)


def test_every_contract_of_a_sound_stack_is_verified(tmp_path: Path) -> None:
    code, verdicts = verified("memory://")
    assert code == 0
    assert [one["contract"] for one in verdicts] == [
        *("orders", "trades", "accounts", "events", "ledger"),
        *("snapshots", "stream", "lease", "consumers"),
    ]
    assert all(one["kept"] and not one["broken"] for one in verdicts)
    assert all(one["not_declared"] for one in verdicts), "memory is neither durable nor shared"


def test_a_broken_law_is_told_with_its_name_and_what_was_seen() -> None:
    pmstore.register(BROKEN)
    code, (orders,) = verified("broken-orders://")
    assert code == 1
    broken = {one["name"]: one for one in orders["broken"]}
    assert "an-older-version-is-ignored" in broken
    assert broken["an-older-version-is-ignored"]["law"].startswith("A lower version")
    assert "wanted" in broken["an-older-version-is-ignored"]["seen"]


def test_a_wipe_that_leaves_something_is_told(tmp_path: Path) -> None:
    class LeavesAll(FileUpkeep):
        async def wipe(self, config: Any, /) -> None:
            return

    whole = file.pmstore_backend()
    pmstore.register(attrs.evolve(whole, name="leaving", schemes=("leaving",), upkeep=LeavesAll()))
    code, (snapshots,) = verified(f"leaving:{tmp_path}/data", "--contract", "snapshots")
    assert code == 1
    (left,) = [one for one in snapshots["broken"] if one["name"] == "wiping-leaves-nothing"]
    assert "leaving: `contents` after `wipe` are {'snapshots': " in left["seen"]


@pytest.mark.parametrize("slashes", ["///", "////"], ids=["relative", "absolute"])
def test_folders_made_above_scratch_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slashes: str
) -> None:
    monkeypatch.chdir(tmp_path)
    above = "" if slashes == "///" else f"{str(tmp_path)[1:]}/"
    code, _ = verified(f"sqlite:{slashes}{above}new/folder/orders.db", "--contract", "snapshots")
    assert code == 0
    assert list(tmp_path.iterdir()) == []


def test_files_beside_are_left_alone_and_scratch_is_wiped(tmp_path: Path) -> None:
    mine = tmp_path / "data"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    code, (stream,) = verified(f"file:{mine}?fsync=never", "--contract", "stream")
    assert code == 0
    assert "a-killed-process-leaves-batches-whole" in stream["kept"]
    assert [one.name for one in tmp_path.iterdir()] == ["data"]
    assert [one.name for one in mine.iterdir()] == ["notes.txt"]


def test_an_unknown_contract_is_refused() -> None:
    assert verified("memory://", "--contract", "order")[0] == 3


def test_a_server_that_is_away_is_one_error(tmp_path: Path) -> None:
    assert verified("redis://127.0.0.1:1/0", "--contract", "lease")[0] == 4


def test_a_server_holds_what_it_held(redis_server: RedisServer | GivenServer) -> None:
    with Redis.from_url(redis_server.url) as client:
        client.set("mine", "as it was")
        before = sorted(client.keys("*"))
        code, (lease,) = verified(redis_server.url, "--contract", "lease")
        assert code == 0
        assert "another-process-does-not-get-a-held-lease" in lease["kept"]
        assert sorted(client.keys("*")) == before
        assert client.get("mine") == b"as it was"
        client.delete("mine")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_scratch_is_wiped_when_it_is_stopped(tmp_path: Path, number: int) -> None:
    main = "from pmstore.cli import main; main()"
    command = [sys.executable, "-c", main, "verify", f"file:{tmp_path}/data"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("data-verify_*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert list(tmp_path.iterdir()) == []


def test_the_package_is_the_command(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pmstore", "verify", "memory://", "--contract", "lease", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)[0]["contract"] == "lease"
