"""What is wrong, or will be, with the place that a `file:` URL names."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pmstore.backends.file.audit_files import AuditFiles
from pmstore.backends.file.config import FileConfig
from pmstore.backends.file.disk import Disk
from pmstore.backends.file.snapshot_files import SnapshotFiles
from pmstore.backends.file.threads import in_thread
from pmstore.backends.file.upkeep import stream_folders
from pmstore.errors import CorruptData
from pmstore.protocols.diagnosis import Examination, Finding, Level
from pmstore.storage.room import existing_folder, room_finding


async def diagnose(config: FileConfig, examination: Examination) -> Sequence[Finding]:
    """Look at the folder, its disk, the locks and the newest files; writes one probe file."""
    findings = await in_thread(lambda: list(_findings(config.path, examination)))
    return [*findings, *_durability(config, examination)]


def _findings(path: Path, examination: Examination) -> Iterator[Finding]:
    is_log = "trades" in examination.contracts and not path.is_dir()
    folder = existing_folder(path.parent if is_log else path)
    trouble = room_finding(folder, str(path), file=path if is_log else None)
    if trouble is not None:
        yield trouble
    if trouble is None or trouble.level is not Level.ERROR:
        yield Finding(
            level=Level.FINE,
            kind="reachable",
            what="it can be written"
            if path.exists()
            else "not there yet; the first start makes it",
            where=str(path),
        )
    yield from _locks(path)
    yield from _damage(path)


def _durability(config: FileConfig, examination: Examination) -> Iterator[Finding]:
    """What an append to a stream in the folder survives."""
    if "stream" not in examination.contracts:
        return
    if config.fsync == "always":
        what = "an append is answered when the disk has it: it survives the crash of everything"
        yield Finding(level=Level.FINE, kind="durability", what=what, where=str(config.path))
        return
    late = "the last part"
    if config.fsync == "interval":
        late = f"the last {config.fsync_interval_s:g} s"
    yield Finding(
        level=Level.WARNING,
        kind="durability",
        what=f"fsync={config.fsync}: a crash of the machine loses {late} of what was answered",
        where=str(config.path),
        remedy="Leave fsync out of the URL: `always` is the default",
    )


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
            files = SnapshotFiles(Disk(), path)
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
