"""The one place where pmstore asks for the time."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Answers the time now in epoch milliseconds (UTC); it is injected wherever time is needed."""


def system_clock() -> int:
    """The machine's time now in epoch milliseconds."""
    return time.time_ns() // 1_000_000
