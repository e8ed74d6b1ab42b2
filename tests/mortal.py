"""Programs of tests that are killed when the test run ends, however it ends."""

from __future__ import annotations

import sys
from typing import Final

DIES_WITH_US: Final = (
    # PR_SET_PDEATHSIG, SIGKILL: also after a `kill -9` of pytest, which no `finally` sees.
    "import ctypes; ctypes.CDLL(None).prctl(1, 9)\n" if sys.platform == "linux" else ""
)
"""The first line of a program for `python -c`; the kernel does the rest, where it is Linux."""

PMENGINE: Final = f"{DIES_WITH_US}from pmengine.cli import main; main()"
"""The command `pmengine` for `python -c`."""
