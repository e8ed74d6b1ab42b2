"""What tests start does not outlive them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.mortal import DIES_WITH_US

DEADLINE_S = 60.0
CHILD = f"{DIES_WITH_US}import os, sys, time; print(os.getpid(), flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"


def runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_a_program_is_gone_when_who_started_it_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert runs(child)
            parent.kill()
            parent.wait()
            deadline = time.monotonic() + DEADLINE_S
            while runs(child) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert not runs(child)
        finally:
            if runs(child):
                os.kill(child, signal.SIGKILL)
