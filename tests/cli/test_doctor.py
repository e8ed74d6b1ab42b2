"""The doctor finds what is wrong with settings, plugins, files and clocks, and says what to do."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import pmstore
from pmstore.cli import checkup
from pmstore.cli.exits import Exit
from pmstore.plugin import Backend, Examination, Finding, Level, Role
from pmstore.registry import Plugins
from pmstore.storage.skew import skew_finding
from pmstore.testing import samples
from tests.cli.running import document, run
from tests.registry.distributions import good, install

ROOT = Path(__file__).parents[2]


def findings(*words: str, code: Exit = Exit.FINE) -> list[dict[str, Any]]:
    """What the doctor finds, as a program reads it."""
    found = document("doctor", *words, code=code)["findings"]
    for one in found:
        assert one["what"]
        assert one["where"]
        assert one["remedy"] or one["level"] == "fine", one
    return list(found)


def one_of(found: list[dict[str, Any]], kind: str, level: str) -> dict[str, Any]:
    """The one finding of that kind and level."""
    chosen = [one for one in found if (one["kind"], one["level"]) == (kind, level)]
    assert len(chosen) == 1, found
    return chosen[0]


def test_a_deployment_that_is_well_has_no_errors(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text(f"DATABASE_ENABLED=false\nREDIS_ENABLED=false\nDATA_DIR={tmp_path}\n")
    found = findings("--env-file", str(file))
    assert "mode development" in one_of(found, "setting", "fine")["what"]
    assert {one["kind"] for one in found if one["level"] == "warning"} <= {"volatile"}
    shown = run("doctor", "--env-file", str(file)).stdout
    assert shown.rstrip().endswith("warnings")
    assert "0 errors" in shown
    # It looked, and left nothing.
    assert list(tmp_path.iterdir()) == [file]


def test_every_unknown_setting_is_found_with_the_nearest_right_name(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text(
        "PMSTORE_ORDRES_URL=memory://\nDATABASE_PORT=many\nREDIS_HOTS=x\nREDIS_OF_ANOTHER_PROGRAM=1\n"
    )
    found = findings("--env-file", str(file), code=Exit.DAMAGED)
    told = {one["what"]: one["level"] for one in found}
    assert told["PMSTORE_ORDRES_URL: there is no such setting. Did you mean PMSTORE_ORDERS_URL?"]
    assert told["REDIS_HOTS: there is no such setting. Did you mean REDIS_HOST?"] == "warning"
    assert [level for what, level in told.items() if "DATABASE_PORT" in what] == ["error"]
    assert not [what for what in told if "ANOTHER" in what]


def test_a_stack_that_cannot_be_built_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text("PMSTORE_ORDERS_URL=memory:// > memory://\nPMSTORE_TRADES_URL=memory://\n")
    found = findings("--env-file", str(file), code=Exit.DAMAGED)
    assert one_of(found, "setting", "error")["where"] == "the stack of the orders"


def test_a_url_that_cannot_be_read_is_a_finding_without_its_secret() -> None:
    result = run("doctor", "memory://x:hunter2@host", "sqlit:x", "nothing", code=Exit.DAMAGED)
    assert "hunter2" not in result.output
    assert "memory takes no password" in result.stdout
    assert "Did you mean sqlite?" in result.stdout


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


def test_a_broken_plugin_is_an_error_where_it_is_used_and_else_a_warning(site: Path) -> None:
    scheme = f"broken{uuid4().hex}"
    install(site, scheme, f"plugin_{scheme}", (scheme,), "import no_such_module\n")
    one = one_of(findings("memory://"), "plugin-broken", "warning")
    assert "No module named 'no_such_module'" in one["what"]
    assert scheme in one["remedy"]
    found = findings(f"{scheme}://", code=Exit.DAMAGED)
    one_of(found, "plugin-broken", "error")


def test_an_extra_that_is_not_installed_is_missed_where_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("pmstore.backends.redis")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hiredis", None)
    monkeypatch.setattr(checkup, "PLUGINS", Plugins())
    assert not [one for one in findings("memory://") if one["kind"] == "plugin-broken"]
    found = findings("rediss://127.0.0.1:1", code=Exit.DAMAGED)
    one = one_of(found, "plugin-broken", "error")
    assert "hiredis" in one["what"]
    assert one["remedy"] == "pip install 'pmstore[redis]'"


def test_clashing_plugins_are_found_until_one_is_pinned(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme = f"acme{uuid4().hex}"
    for name in ("first", "second"):
        install(site, f"{name}-{scheme}", f"{name}_{scheme}", (scheme,), good(name, scheme))
    found = findings(f"{scheme}://", code=Exit.DAMAGED)
    assert "first" in one_of(found, "plugin-clash", "error")["what"]
    monkeypatch.setenv(f"PMSTORE_PIN_{scheme.upper()}", f"first-{scheme}")
    assert not [one for one in findings(f"{scheme}://") if one["kind"] == "plugin-clash"]


def test_a_backend_is_told_what_it_is_for_and_its_failure_harms_no_other() -> None:
    scheme = f"own{uuid4().hex}"
    asked: list[Examination] = []

    async def diagnose(config: object, examination: Examination) -> list[Finding]:
        asked.append(examination)
        raise RuntimeError("half finished")

    pmstore.register(
        Backend(
            name="own",
            schemes=(scheme,),
            config=lambda url: url,
            contracts={"orders": lambda config: pmstore.open_order_store("memory://")},
            diagnose=diagnose,
        )
    )
    found = findings(f"memory:// > {scheme}://host | {scheme}://sink", code=Exit.DAMAGED)
    assert {one.role for one in asked} == {Role.TRUTH, Role.SINK}
    assert all(one.contracts == {"orders"} for one in asked)
    assert [one["what"] for one in found if one["level"] == "error"] == [
        "its check-up failed: RuntimeError: half finished"
    ] * 2
    one_of(found, "reachable", "fine")


@pytest.mark.parametrize(
    ("server_ms", "answered_ms", "level"),
    [
        (1_000_000, 1_000_000, Level.FINE),
        (1_001_000, 1_000_000, Level.FINE),
        (1_001_001, 1_000_000, Level.WARNING),
        (998_999, 1_000_000, Level.WARNING),
        # It may have looked at any moment of these two seconds.
        (1_003_000, 1_002_000, Level.FINE),
        (1_003_001, 1_002_000, Level.WARNING),
    ],
)
def test_clocks_a_second_apart_disagree(server_ms: int, answered_ms: int, level: Level) -> None:
    found = skew_finding("x", asked_ms=1_000_000, server_ms=server_ms, answered_ms=answered_ms)
    assert found.level is level
    assert bool(found.remedy) is (level is Level.WARNING)


def as_ordinary_user(room: str, *words: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.ordinary_user", room, *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == Exit.DAMAGED, done.stderr
    return list(json.loads(done.stdout)["findings"])


def test_a_folder_that_cannot_be_written_is_an_error(open_folder: Path) -> None:
    shut = open_folder / "shut"
    shut.mkdir()
    shut.chmod(0o555)
    for place in (shut, shut / "trades.log"):
        found = one_of(as_ordinary_user("free", f"file:{place}"), "read-only", "error")
        assert "Permission denied" in found["what"]
        assert str(shut) in found["remedy"]


def test_a_disk_that_takes_nothing_is_an_error(open_folder: Path) -> None:
    found = one_of(as_ordinary_user("full", f"file:{open_folder}/data"), "disk-full", "error")
    assert "nothing can be written" in found["what"]
    assert "df -h" in found["remedy"]
    assert list(open_folder.iterdir()) == []


async def test_a_file_that_is_being_written_is_a_warning(tmp_path: Path) -> None:
    async with (
        pmstore.open_trade_store(f"file:{tmp_path}/trades.log"),
        pmstore.open_stream(f"file:{tmp_path}/streams", "store_stream") as stream,
    ):
        await stream.append([b"x"])
        for place in ("trades.log", "streams"):
            found = await asyncio.to_thread(findings, f"file:{tmp_path}/{place}")
            assert str(os.getpid()) in one_of(found, "locked", "warning")["what"]
    found = await asyncio.to_thread(findings, f"file:{tmp_path}/trades.log")
    assert not [one for one in found if one["kind"] == "locked"]


def test_damaged_files_are_errors_with_the_command_that_shows_more(tmp_path: Path) -> None:
    async def fill() -> None:
        async with pmstore.open_snapshot_store(f"file:{tmp_path}/store") as snapshots:
            await snapshots.save(samples.snapshot(1))
        async with pmstore.open_trade_store(f"file:{tmp_path}/trades.log") as trades:
            await trades.append([samples.trade(1)])

    asyncio.run(fill())
    (tmp_path / "store" / "orders_snapshot.00000001.json").write_text("{}")
    (tmp_path / "trades.log.head").write_text("nonsense")
    for place, command in (("store", "snapshot verify"), ("trades.log", "audit verify")):
        found = findings(f"file:{tmp_path}/{place}", code=Exit.DAMAGED)
        assert command in one_of(found, "damaged", "error")["remedy"]


def test_a_file_where_a_folder_must_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = findings(f"file:{tmp_path}/file/x", code=Exit.DAMAGED)
    assert one_of(found, "permission", "error")


def test_urls_and_an_env_file_exclude_each_other(tmp_path: Path) -> None:
    run("doctor", "memory://", "--env-file", str(tmp_path / "x"), code=Exit.USAGE)
    told = findings("--env-file", str(tmp_path / "none.env"), code=Exit.DAMAGED)
    assert "No such file" in one_of(told, "setting", "error")["what"]
