"""What is wrong with a folder, or will be."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rocksdict import AccessType, Options, Rdict

from pmstore import CorruptData, PmstoreError, WriteOutcome
from pmstore.plugin import Examination, Finding, Level
from pmstore_rocksdb.config import RocksConfig
from pmstore_rocksdb.database import FAMILIES, is_open_here, options
from pmstore_rocksdb.failures import translated

_FREE_BYTES_MIN: Final = 256 * 1024 * 1024
_FREE_SHARE_MIN: Final = 0.05


async def diagnose(config: RocksConfig, examination: Examination) -> Sequence[Finding]:
    """
    The findings about the folder of *config*; changes nothing in it.

    The database is opened for reading only, which is possible beside its writer.
    """
    try:
        async with asyncio.timeout(examination.timeout_s):
            return await asyncio.to_thread(lambda: list(_findings(config.path)))
    except TimeoutError:
        return [
            _finding(
                config.path,
                Level.ERROR,
                "unreachable",
                f"the disk did not answer within {examination.timeout_s:g} s",
                "Look at the disk and at the system's log",
            )
        ]


def _findings(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield _finding(
            path, Level.WARNING, "schema-missing", "nothing is there yet; the first start makes it"
        )
        yield from _place(next(parent for parent in path.absolute().parents if parent.exists()))
        return
    yield from _place(path)
    if _is_locked(path):
        yield _finding(
            path,
            Level.WARNING,
            "locked",
            "another process has it open",
            "Stop that process before this one starts",
        )
    started = time.perf_counter()
    try:
        _read(path)
    except CorruptData as error:
        remedy = "Restore the folder from a backup; keep the broken one to look at"
        yield _finding(path, Level.ERROR, "damaged", str(error), remedy)
    except PmstoreError as error:
        remedy = f"Let the service's user own {path} (chown, chmod)"
        yield _finding(path, Level.ERROR, "permission", str(error), remedy)
    else:
        milliseconds = (time.perf_counter() - started) * 1000
        yield _finding(
            path, Level.FINE, "reachable", f"RocksDB opened for reading in {milliseconds:.1f} ms"
        )


def _place(folder: Path) -> Iterator[Finding]:
    if not os.access(folder, os.W_OK | os.X_OK):
        what = f"{folder} cannot be written by this user"
        yield _finding(
            folder, Level.ERROR, "read-only", what, f"Let the service's user own {folder}"
        )
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        what = f"{folder} is on a file system that is mounted for reading only"
        yield _finding(folder, Level.ERROR, "read-only", what, "Mount it for writing")
    usage = shutil.disk_usage(folder)
    if usage.free < _FREE_BYTES_MIN or usage.free < usage.total * _FREE_SHARE_MIN:
        what = f"{usage.free // 1024**2} MiB of {usage.total // 1024**2} MiB are free"
        level = Level.ERROR if usage.free == 0 else Level.WARNING
        yield _finding(folder, level, "disk-full", what, "Make room, or prune trades")


def _read(path: Path) -> None:
    """Open for reading, and read the first key of each family with its checksums."""
    with translated(str(path), WriteOutcome.NOT_APPLIED):
        families = {name: Options(raw_mode=True) for name in ("default", *FAMILIES)}
        reading = AccessType.read_only(False)
        rocks = Rdict(str(path), options(create=False), families, access_type=reading)
        try:
            for name in FAMILIES:
                family = rocks.get_column_family(name)
                at = family.iter()
                at.seek_to_first()
                at.status()
                del at
                family.close()
        finally:
            rocks.close()


def _is_locked(path: Path) -> bool:
    """Whether another process has RocksDB's lock."""
    lock = path / "LOCK"
    # Closing any descriptor of the file would give back a lock of this process.
    if is_open_here(path) or not os.access(lock, os.R_OK | os.W_OK):
        return False
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _finding(where: Path, level: Level, kind: str, what: str, remedy: str = "") -> Finding:
    return Finding(level=level, kind=kind, what=what, where=str(where), remedy=remedy)
