"""The machine and interpreter that figures were measured on."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import attrs

from pmengine.compiled import is_compiled


@attrs.frozen
class Machine:
    """What has to be said beside every figure."""

    processor: str
    cores: int
    python: str
    hot_loop: str
    """`compiled` or `interpreted`: what the engine in this process is."""
    system: str

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.cores} cores, {self.python}, {self.system}; "
            f"{self.hot_loop} unless a row says otherwise"
        )


def this_machine() -> Machine:
    """The machine that this process runs on."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        hot_loop="compiled" if is_compiled() else "interpreted",
        system=f"{platform.system()} {platform.release()}",
    )


def _cores() -> int:
    return os.cpu_count() or 1


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
