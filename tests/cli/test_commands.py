"""The command line answers people and programs, and its exit codes tell what it found."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

import pmstore
from pmstore.cli import plugins
from pmstore.cli.application import application
from pmstore.cli.exits import Exit
from pmstore.registry import Plugins
from tests.registry.distributions import good, install


def run(*words: str) -> Result:
    return CliRunner().invoke(application, list(words))


def as_json(*words: str, code: Exit = Exit.FINE) -> object:
    result = run(*words, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def pmstore_command(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )


MAIN = "from pmstore.cli import main; main()"


def test_the_command_runs_as_a_process() -> None:
    done = pmstore_command(MAIN, "snapshot", "list", "memory://", "--json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_without_its_extra_the_command_says_what_to_install() -> None:
    done = pmstore_command(f"import sys; sys.modules['typer'] = None; {MAIN}", "plugins")
    assert done.returncode == Exit.UNUSABLE
    assert "pip install 'pmstore[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_backend_of_ours_whose_extra_is_missing_is_not_called_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("pmstore.backends.redis")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hiredis", None)
    monkeypatch.setattr(plugins, "PLUGINS", Plugins())
    rows = as_json("plugins")
    assert isinstance(rows, list)
    states = {row["scheme"]: row["state"] for row in rows}
    assert (states["redis"], states["memory"]) == ("extra missing", "installed")
    shown = run("plugins").stdout
    assert shown.count("pip install 'pmstore[redis]'") == 1
    assert "Traceback" not in shown


def test_plugins_are_listed_with_their_contracts() -> None:
    rows = as_json("plugins")
    assert isinstance(rows, list)
    memory = next(one for one in rows if one["scheme"] == "memory")
    assert memory["state"] == "installed"
    assert memory["distribution"] == "pmstore"
    assert "orders" in memory["contracts"]
    shown = run("plugins")
    assert shown.exit_code == Exit.FINE
    assert "memory" in shown.stdout


def test_a_broken_plugin_is_listed_and_told_by_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken{uuid4().hex}"
    install(tmp_path / "s", name, f"plugin_{name}", (name,), "import no_such_module\n")
    install(tmp_path / "s", f"good-{name}", f"good_{name}", (f"x{name}",), good("x", f"x{name}"))
    monkeypatch.syspath_prepend(tmp_path / "s")
    rows = as_json("plugins", code=Exit.DAMAGED)
    assert isinstance(rows, list)
    found = {one["scheme"]: one for one in rows}
    assert found[name]["state"] == "broken"
    assert "No module named 'no_such_module'" in found[name]["problem"]
    assert found[f"x{name}"]["state"] == "installed"
    assert "No module named 'no_such_module'" in run("plugins").stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("snapshot", "list", "memry://"), Exit.UNUSABLE, "Did you mean memory?"),
        (("snapshot", "list", "memory"), Exit.UNUSABLE, "begins with a scheme"),
        (("stream", "info", "memory://", "../x"), Exit.UNUSABLE, "not the name of a stream"),
        (("snapshot", "show", "memory://"), Exit.ABSENT, "there is no snapshot"),
        (("snapshot", "show", "memory://", "x"), Exit.ABSENT, "there is no snapshot x"),
        (("audit", "verify", "no/such.log"), Exit.ABSENT, "no/such.log: there is no such file"),
        (("stream", "info"), Exit.USAGE, "give the name of a stream"),
        (("plugin",), Exit.USAGE, "No such command"),
    ],
)
def test_what_cannot_be_done_has_its_exit_code(
    words: tuple[str, ...], code: Exit, message: str
) -> None:
    result = run(*words)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""


async def _append(url: str, *payloads: bytes) -> None:
    async with pmstore.open_stream(url, "store_stream") as stream:
        for payload in payloads:
            await stream.append([payload])


def test_a_stream_shows_its_bounds(tmp_path: Path) -> None:
    url = f"file:{tmp_path}"
    asyncio.run(_append(url, b"one", b"three"))
    shown = as_json("stream", "info", url, "store_stream")
    assert isinstance(shown, dict)
    assert shown["last_bytes"] == 5
    assert shown["last_hash"] == pmstore.payload_hash(b"three")
    assert shown["first"] < shown["last"]
    assert shown["last"] in run("stream", "info", url, "store_stream").stdout


async def test_looking_at_a_stream_disturbs_nobody_and_leaves_no_trace(tmp_path: Path) -> None:
    async with pmstore.open_stream(f"file:{tmp_path}", "store_stream") as stream:
        last = await stream.append([b"one"])
        done = pmstore_command(MAIN, "stream", "info", f"file:{tmp_path}", "store_stream")
        assert done.returncode == Exit.FINE, done.stderr
        assert str(last) in done.stdout
        await stream.append([b"two"])
    absent = pmstore_command(MAIN, "stream", "info", f"file:{tmp_path}", "absent")
    assert absent.returncode == Exit.UNAVAILABLE
    assert "there is no stream" in absent.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["store_stream"]


SNAPSHOT = pmstore.Snapshot(
    orders=[], events={}, timestamp=1_704_110_400_000, last_message_id=pmstore.Position(5, 0)
)


async def _save(url: str) -> pmstore.SnapshotInfo:
    async with pmstore.open_snapshot_store(url) as store:
        return await store.save(SNAPSHOT)


def test_snapshots_are_listed_shown_and_verified(tmp_path: Path) -> None:
    url = f"file:{tmp_path}/store"
    saved = asyncio.run(_save(url))
    rows = as_json("snapshot", "list", url)
    assert isinstance(rows, list)
    assert [one["name"] for one in rows] == [saved.name]
    shown = as_json("snapshot", "show", url)
    assert isinstance(shown, dict)
    assert shown["last_message_id"] == "5-0"
    assert as_json("snapshot", "show", url, saved.name) == shown
    assert as_json("snapshot", "verify", url) == {"generations": 1, "broken": 0, "problems": []}

    file = next(path for path in (tmp_path / "store").rglob("*") if saved.name in path.name)
    file.write_bytes(file.read_bytes().replace(b"1704110400000", b"1704110400001"))
    broken = as_json("snapshot", "verify", url, code=Exit.DAMAGED)
    assert isinstance(broken, dict)
    assert broken["broken"] == 1
    assert saved.name in broken["problems"][0]
    assert run("snapshot", "show", url).exit_code == Exit.DAMAGED


def test_an_edited_audit_log_is_found(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    asyncio.run(_trade(path))
    good_report = as_json("audit", "verify", str(path))
    assert isinstance(good_report, dict)
    assert good_report["count"] == 2
    assert good_report["problems"] == []
    path.write_bytes(path.read_bytes().replace(b'"quantity":100', b'"quantity":900', 1))
    edited = as_json("audit", "verify", str(path), code=Exit.DAMAGED)
    assert isinstance(edited, dict)
    assert edited["problems"]
    assert run("audit", "verify", str(path)).exit_code == Exit.DAMAGED


async def _trade(path: Path) -> None:
    symbol = pmstore.Symbol(event_id=1, market_id=1, token_id="y")
    async with pmstore.open_trade_store(f"file:{path}") as trades:
        for number in (1, 2):
            trade = pmstore.Trade(
                trade_id=number,
                match_type=pmstore.MatchType.NORMAL,
                taker_order_id="b",
                maker_order_id="a",
                taker_user_id="u2",
                maker_user_id="u1",
                symbol=symbol,
                maker_symbol=symbol,
                side=pmstore.Side.BUY,
                maker_side=pmstore.Side.SELL,
                price=5000,
                maker_price=5000,
                quantity=100,
                timestamp=1_704_110_400_000,
                taker_is_bid=True,
            )
            await trades.append([trade])


@pytest.mark.parametrize(
    "words",
    [
        ("plugins",),
        ("audit", "verify"),
        ("snapshot", "list"),
        ("snapshot", "show"),
        ("snapshot", "verify"),
        ("stream", "info"),
    ],
)
def test_help_has_an_example(words: tuple[str, ...]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert f"pmstore {' '.join(words)}" in " ".join(result.stdout.split())
    assert "Example" in result.stdout
