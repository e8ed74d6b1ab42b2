"""The Chromium of the system, which the tests of the page drive; none is downloaded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

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


def is_required() -> bool:
    """Whether tests fail where it is missing, instead of being skipped."""
    return "chromium" in os.environ.get("PM_REQUIRE", "").split(",")
