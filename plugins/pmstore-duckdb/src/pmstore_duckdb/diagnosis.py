"""What is wrong with a DuckDB file, or will be."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import duckdb

from pmstore import CorruptData, PmstoreError, WriteOutcome, WriterLocked
from pmstore.plugin import Examination, Finding, Level
from pmstore_duckdb.config import DuckConfig
from pmstore_duckdb.failures import translated

_FREE_BYTES_MIN: Final = 256 * 1024 * 1024
_FREE_SHARE_MIN: Final = 0.05


async def diagnose(config: DuckConfig, examination: Examination) -> Sequence[Finding]:
    """The findings about the file of *config*; it is opened for reading only."""
    return await asyncio.to_thread(lambda: list(_findings(config.path)))


def _findings(path: Path) -> Iterator[Finding]:
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        what = f"{folder} cannot be written by this user"
        yield _finding(path, Level.ERROR, "read-only", what, f"Let the service's user own {folder}")
    usage = shutil.disk_usage(folder)
    if usage.free < _FREE_BYTES_MIN or usage.free < usage.total * _FREE_SHARE_MIN:
        what = f"{usage.free // 1024**2} MiB of {usage.total // 1024**2} MiB are free"
        level = Level.ERROR if usage.free == 0 else Level.WARNING
        yield _finding(path, level, "disk-full", what, "Make room, or prune trades")
    if not path.exists():
        what = "nothing is there yet; the first start makes it"
        yield _finding(path, Level.WARNING, "schema-missing", what)
        return
    began = time.perf_counter()
    try:
        with translated(path, WriteOutcome.NOT_APPLIED):
            duckdb.connect(str(path), read_only=True).close()
    except WriterLocked as error:
        yield _finding(path, Level.WARNING, "locked", str(error), "Stop the other process")
    except CorruptData as error:
        remedy = "Restore the file from a backup; keep the broken one to look at"
        yield _finding(path, Level.ERROR, "damaged", str(error), remedy)
    except PmstoreError as error:
        yield _finding(path, Level.ERROR, "permission", str(error), f"Let the user own {path}")
    else:
        milliseconds = (time.perf_counter() - began) * 1000
        what = f"DuckDB {duckdb.__version__} opened it in {milliseconds:.1f} ms"
        yield _finding(path, Level.FINE, "reachable", what)


def _finding(where: Path, level: Level, kind: str, what: str, remedy: str = "") -> Finding:
    return Finding(level=level, kind=kind, what=what, where=str(where), remedy=remedy)
