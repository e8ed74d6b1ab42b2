"""A crash at any point keeps what was acknowledged and invents nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.file.disks import PowerDisk
from tests.file.workloads import WORKLOADS, check, run

ROOT = Path(__file__).parents[2]
BARRIERS_MIN = {"stream": 100, "snapshots": 60, "trades": 100}
"""So many there are at least: fewer would mean that calls bypass the disk."""


@pytest.mark.crash
@pytest.mark.parametrize("name", WORKLOADS)
def test_killed_at_every_barrier_it_keeps_what_was_acknowledged(name: str, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "tests.file.kill_at_every_barrier", name, str(tmp_path)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    count = int(done.stdout)
    assert count > BARRIERS_MIN[name]
    for number in range(1, count + 1):
        place = tmp_path / str(number)
        ledger = place / "acknowledged"
        acknowledged = ledger.read_text().splitlines() if ledger.exists() else []
        try:
            check(name, place / "store", acknowledged)
        except Exception as error:
            raise AssertionError(f"killed at barrier {number} of {count}: {error}") from error


@pytest.mark.crash
@pytest.mark.parametrize("names_kept", [False, True], ids=["names lost", "names kept"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_without_power_at_every_barrier_it_keeps_what_was_acknowledged(
    name: str, names_kept: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    acknowledged: list[str] = []
    known: dict[int, list[str]] = {}

    def look(number: int) -> None:
        known[number] = list(acknowledged)
        disk.leave(tmp_path / str(number), names_kept=names_kept)

    disk = PowerDisk(folder, look)
    try:
        run(name, folder, disk, acknowledged.append)
    finally:
        disk.close()
    assert len(known) > BARRIERS_MIN[name]
    for number, answers in known.items():
        try:
            check(name, tmp_path / str(number), answers)
        except Exception as error:
            raise AssertionError(f"no power at barrier {number}: {error}") from error
