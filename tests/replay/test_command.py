"""`pmengine replay` prints what it found, and says clearly what it cannot read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pmengine.cli.application import application
from pmengine.cli.exits import Exit
from tests.replay.venue import COIN, Venue, trade_for_a_while

FORMAT = ("--format", "bitstamp")


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and error output of `pmengine replay`."""
    result = CliRunner().invoke(
        application,
        ["replay", *map(str, arguments)],
        catch_exceptions=False,
        env={"COLUMNS": "200", "NO_COLOR": "1"},
    )
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return trade_for_a_while(5, 150).write(tmp_path / "flow.log.xz")


def row(output: str, name: str) -> str:
    (line,) = [line for line in output.splitlines() if line.strip().startswith(name)]
    return line.strip().removeprefix(name).strip()


def test_the_tables_show_what_was_found(small: Path) -> None:
    code, output, _ = run(small, *FORMAT)
    assert code == Exit.FINE
    prints = row(output, "recorded prints")
    assert int(prints) > 20
    assert row(output, "matched exactly by price and amount") == f"{prints} (100.0%)"
    for name in ("missed", "extra", "refused"):
        assert row(output, name) == "0"
    assert len(row(output, "fills digest")) == 64


def test_json_is_one_document_with_the_same(small: Path) -> None:
    code, output, _ = run(small, *FORMAT, "--json")
    document = json.loads(output)
    assert code == Exit.FINE
    assert document["prints"]["matched"] == document["prints"]["recorded"] > 20
    assert document["commands_per_second"] > 0
    assert document["plain_fills_digest"] is None
    _, tables, _ = run(small, *FORMAT)
    assert row(tables, "fills digest") == document["fills_digest"]


def test_the_complement_is_compared_with_a_plain_replay(small: Path) -> None:
    code, output, _ = run(small, *FORMAT, "--complement", "7")
    assert code == Exit.FINE
    assert row(output, "plain replay") == row(output, "fills digest")
    assert "the fills are the same" in output
    assert int(row(output, "our trades of match type Mint")) > 0
    assert int(row(output, "our trades of match type Merge")) > 0
    document = json.loads(run(small, *FORMAT, "--complement", "7", "--json")[1])
    assert document["plain_fills_digest"] == document["fills_digest"]


def test_what_does_not_agree_is_listed(tmp_path: Path) -> None:
    venue = Venue()
    venue.record()
    venue.submit(True, 23_500, COIN)
    for nth in range(12):
        venue.line("trade", {"price": 236.0, "amount": nth + 1.5, "id": nth})
    path = venue.write(tmp_path / "flow.log")
    _, output, _ = run(path, *FORMAT)
    assert row(output, "missed at 1700000000200:") == "236.00 x 1.50000000, ours -"
    assert "and 2 more; --json lists all" in output
    missed = json.loads(run(path, *FORMAT, "--json")[1])["prints"]["missed"]
    assert [one["cause"] for one in missed] == ["ALONE"] * 12


def test_a_speed_is_kept(tmp_path: Path) -> None:
    venue = Venue()
    venue.record()
    venue.submit(True, 23_500, COIN)
    venue.submit(True, 23_400, COIN)
    code, output, _ = run(venue.write(tmp_path / "flow.log"), *FORMAT, "--speed", "2", "--json")
    assert code == Exit.FINE
    assert json.loads(output)["seconds"] >= 0.05


def test_wrong_input_ends_with_a_message_and_exit_code_2(small: Path, tmp_path: Path) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("Dear Sir\n")
    cut = tmp_path / "cut.xz"
    cut.write_bytes(small.read_bytes()[:-100])
    for arguments, message in [
        ((tmp_path / "nowhere", *FORMAT), "nowhere: cannot be read: No such file or directory"),
        ((tmp_path, *FORMAT), "cannot be read: Is a directory"),
        ((text, *FORMAT), "letter.txt: line 1 is no line of a Bitstamp recording"),
        ((cut, *FORMAT), "cut.xz: the xz file ends in the middle, after line"),
        ((small, "--format", "kraken"), "'kraken' is not known; choose one of: bitstamp"),
        ((small, *FORMAT, "--speed", "soon"), "--speed: 'soon' is no speed"),
        ((small,), "Missing option '--format'"),
        ((small, *FORMAT, "--complement", "x"), "--complement"),
    ]:
        code, output, errors = run(*arguments)
        assert (code, output) == (Exit.USAGE, ""), arguments
        assert message in errors


def test_help_has_examples() -> None:
    code, output, _ = run("--help")
    assert code == Exit.FINE
    assert "pmengine replay flow.log.xz --format bitstamp" in output


def test_help_loads_no_engine() -> None:
    program = (
        "import sys\n"
        "from pmengine.cli import main\n"
        "sys.argv = ['pmengine', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "print(sorted(name for name in sys.modules if name.startswith(('pmengine', 'pmstore'))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "replay" in done.stdout
    loaded = done.stdout.splitlines()[-1]
    assert "pmengine.cli.replay" in loaded
    assert "pmengine.engine" not in loaded
    assert "'pmstore'" not in loaded
