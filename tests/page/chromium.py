"""The Chromium of the system, which the tests of the page drive; none is downloaded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final, NoReturn

import pytest

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_REMEDY: Final = (
    "no Chromium: install it (Debian: apt install chromium); without it the page is not tested"
)


class ChromiumMissing(Exception):
    """There is none; says how to get it."""


def find_chromium() -> Path:
    """
    Where it is.

    Raises:
        ChromiumMissing: Nowhere on the PATH.
    """
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise ChromiumMissing(_REMEDY)


def leave_out(reason: str) -> NoReturn:
    """Skip a test for that *reason*; where a browser is required, let it fail."""
    if "chromium" in os.environ.get("PM_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
