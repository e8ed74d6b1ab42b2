"""The demonstration of a deployment ends well through a leader's death, and leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
END_S_MAX = 240.0
GONE_S_MAX = 30.0


def _demonstration(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "examples.distributed", "--commands", "500"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _left(folder: Path) -> list[str]:
    """What runs in *folder*, or lies there."""
    found = [path.name for path in folder.iterdir()]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            where = (entry / "cwd").readlink()
        except OSError:
            continue
        if where.is_relative_to(folder):
            found.append((entry / "cmdline").read_text())
    return found


def _nothing_is_left(folder: Path) -> bool:
    """Whether nothing runs or lies there as soon as what was killed is gone."""
    deadline = time.monotonic() + GONE_S_MAX
    while _left(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _left(folder)


@pytest.mark.slow
@pytest.mark.crash
@pytest.mark.timeout(300)
def test_every_order_is_answered_and_kept_through_the_death_of_the_leader(tmp_path: Path) -> None:
    with _demonstration(tmp_path) as running:
        said, _ = running.communicate(timeout=END_S_MAX)
    assert running.returncode == 0, said
    assert re.search(r"SIGKILL to the leading engine, process \d+", said), said
    assert re.search(r"process \d+ leads in epoch \d+", said), said
    assert "No law is broken" in said
    orders = re.search(r"orders answered: (\d+) of (\d+).*; kept: (\d+)", said)
    assert orders, said
    assert int(orders[1]) == int(orders[2]) >= int(orders[3]) > 0
    assert _nothing_is_left(tmp_path), _left(tmp_path)


@pytest.mark.slow
@pytest.mark.crash
@pytest.mark.timeout(300)
def test_ended_by_a_signal_it_leaves_nothing(tmp_path: Path) -> None:
    with _demonstration(tmp_path) as running:
        assert running.stdout is not None
        deadline = time.monotonic() + END_S_MAX
        for line in running.stdout:
            assert time.monotonic() < deadline
            if "/ready" in line:
                break
        assert _left(tmp_path)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=END_S_MAX)
    assert running.returncode == 130, said
    assert _nothing_is_left(tmp_path), _left(tmp_path)
