"""What is wrong, or will be, with the place that a `file:` URL names."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pmstore.backends.file.audit_files import AuditFiles
from pmstore.backends.file.config import FileConfig
from pmstore.backends.file.disk import Disk
from pmstore.backends.file.snapshot_files import SnapshotFiles
from pmstore.backends.file.threads import in_thread
from pmstore.backends.file.upkeep import stream_folders
from pmstore.errors import CorruptData
from pmstore.protocols.diagnosis import Examination, Finding, Level

FREE_BYTES_LEAST: Final = 256 * 1024 * 1024
_PROBE_BYTES: Final = 64 * 1024
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


async def diagnose(config: FileConfig, examination: Examination) -> Sequence[Finding]:
    """Look at the folder, its disk, the locks and the newest files; writes one probe file."""
    return await in_thread(lambda: list(_findings(config.path, examination)))


def _findings(path: Path, examination: Examination) -> Iterator[Finding]:
    is_log = "trades" in examination.contracts and not path.is_dir()
    folder = _nearest(path.parent if is_log else path)
    if not folder.is_dir():
        yield Finding(
            level=Level.ERROR,
            kind="permission",
            what=f"{folder} is a file where a folder has to be",
            where=str(path),
            remedy="Name another place, or move that file away",
        )
        return
    trouble = _write_trouble(folder, path if is_log else None, str(path))
    if trouble is not None:
        yield trouble
    else:
        there = path.exists()
        yield Finding(
            level=Level.FINE,
            kind="reachable",
            what="it can be written" if there else "not there yet; the first start makes it",
            where=str(path),
        )
    free = shutil.disk_usage(folder).free
    if trouble is None and free < FREE_BYTES_LEAST:
        yield Finding(
            level=Level.WARNING,
            kind="disk-full",
            what=f"only {free // 1024**2} MiB are free on its disk",
            where=str(path),
            remedy="Free some space, or move the data to a larger disk",
        )
    yield from _locks(path)
    yield from _damage(path)


def _nearest(folder: Path) -> Path:
    """The folder, or the first one above it that there is."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _write_trouble(folder: Path, log: Path | None, where: str) -> Finding | None:
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
        if log is not None and log.exists():
            os.close(os.open(log, os.O_WRONLY | os.O_APPEND))
    except OSError as error:
        if error.errno in _FULL:
            return Finding(
                level=Level.ERROR,
                kind="disk-full",
                what=f"nothing can be written: {error.strerror}",
                where=where,
                remedy=f"Free some space on the disk of {folder} (df -h, df -i)",
            )
        owner = "mount it for writing" if error.errno == errno.EROFS else "check owner and mode"
        return Finding(
            level=Level.ERROR,
            kind="read-only",
            what=f"it cannot be written: {error.strerror}",
            where=where,
            remedy=f"Let the user {_user()} write in {folder}: {owner} (ls -ld {folder})",
        )
    return None


def _user() -> str:
    return str(os.geteuid()) if hasattr(os, "geteuid") else "of this process"


def _locks(path: Path) -> Iterator[Finding]:
    locks = [AuditFiles(Disk(), path).lock]
    if path.is_dir():
        locks += [one / "writer.lock" for one in stream_folders(path)]
    for lock in locks:
        holder = _holder(lock)
        if holder is not None:
            yield Finding(
                level=Level.WARNING,
                kind="locked",
                what=f"it is being written by {holder}",
                where=str(lock.parent if lock.name == "writer.lock" else path),
                remedy="Right, if that is the exchange that runs; a second writer is refused",
            )


def _holder(lock: Path) -> str | None:
    """Who holds a writer's lock, None if nobody does."""
    try:
        fd = os.open(lock, os.O_RDONLY)
    except OSError:
        return None
    try:
        # Shared and for a moment: a writer that starts just now may have to try again.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
        return f"process {pid}" if pid.isdigit() else "another process"
    finally:
        os.close(fd)
    return None


def _damage(path: Path) -> Iterator[Finding]:
    problem: str | None = None
    remedy = f"See what is wrong: pmstore audit verify {path}"
    try:
        if path.is_dir():
            files = SnapshotFiles(Disk(), path, "orders_snapshot")
            newest = list(files.generations().values())[-1:]
            for one in newest:
                problem = files.verify(one).problem
                remedy = f"An older generation is used: pmstore snapshot verify file:{path}"
        else:
            AuditFiles(Disk(), path).read_head()
    except CorruptData as error:
        problem = str(error)
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
    if problem is not None:
        yield Finding(
            level=Level.ERROR, kind="damaged", what=problem, where=str(path), remedy=remedy
        )
