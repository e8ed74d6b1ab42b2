"""Counting and emptying what a `file:` URL names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pmstore.backends.file.audit_files import AuditFiles
from pmstore.backends.file.config import FileConfig
from pmstore.backends.file.disk import Disk, unavailable
from pmstore.backends.file.lock import WriterLock
from pmstore.backends.file.threads import in_thread
from pmstore.errors import SettingsError, WriteOutcome
from pmstore.url import Url

_STREAM_LOCK: Final = "writer.lock"
_STREAM_FILES: Final = ("*.seg", "*.tmp", "epoch")
_SNAPSHOTS: Final = "orders_snapshot"
_SNAPSHOT_LOCK: Final = f"{_SNAPSHOTS}.lock"
_SNAPSHOT_FILES: Final = (f"{_SNAPSHOTS}.json", f"{_SNAPSHOTS}.*.json", f"{_SNAPSHOTS}.*.tmp")


class FileUpkeep:
    """
    An `Upkeep` of audit logs, snapshots and streams.

    Only files that the stores themselves make are counted and removed, each kind under its
    writer's lock; others that lie beside them stay.
    """

    async def contents(self, config: FileConfig, /) -> Mapping[str, int]:
        """
        Records of an audit log, generations of snapshots, and streams.

        Cost:
            Reads the log's head file, or one folder.
        """
        with unavailable(f"{config.path} cannot be read", WriteOutcome.NOT_APPLIED):
            return await in_thread(_contents, config.path)

    async def wipe(self, config: FileConfig, /) -> None:
        """
        Remove the log, the snapshots and the streams there.

        Raises:
            WriterLocked: Another process writes one of them; nothing of that one is removed.
        """
        with unavailable(f"{config.path} cannot be wiped", WriteOutcome.UNKNOWN):
            await in_thread(_wipe, config.path)

    async def prune_trades(self, config: FileConfig, before_ms: int, /) -> int:
        """Always refused: the audit log's chain covers every record."""
        raise SettingsError(
            [
                f"{config.path}: an audit log keeps every trade, since each record is chained to "
                "the one before; copy it to a database and prune that, or wipe it as a whole"
            ]
        )


def scratch(url: Url, name: str) -> Url:
    """The URL of an empty place beside that of *url*."""
    return Url(scheme=url.scheme, path=f"{url.path}-{name}", parameters=url.parameters)


def _contents(path: Path) -> Mapping[str, int]:
    found: dict[str, int] = {}
    head = None if path.is_dir() else AuditFiles(Disk(), path).read_head()
    if head is not None:
        found["trades"] = head.count
    if path.is_dir():
        generations = len(list(path.glob(f"{_SNAPSHOTS}.*.json")))
        if not generations and (path / f"{_SNAPSHOTS}.json").exists():
            generations = 1
        if generations:
            found["snapshots"] = generations
        streams = len(list(stream_folders(path)))
        if streams:
            found["streams"] = streams
    return found


def stream_folders(path: Path) -> Iterator[Path]:
    """The folders of the streams kept in the folder *path*."""
    for one in sorted(path.iterdir()):
        if one.is_dir() and any(one.glob("*.seg")):
            yield one


def _wipe(path: Path) -> None:
    if path.is_dir():
        # One that was opened and never written to has a lock alone.
        locked = {one.parent for one in path.glob(f"*/{_STREAM_LOCK}")}
        for stream in sorted({*stream_folders(path), *locked}):
            _remove(stream, stream / _STREAM_LOCK, _STREAM_FILES)
            _remove_folder(stream)
        if any(path.glob(f"{_SNAPSHOTS}.*")):
            _remove(path, path / _SNAPSHOT_LOCK, _SNAPSHOT_FILES)
        _remove_folder(path)
        return
    files = AuditFiles(Disk(), path)
    if not any(one.exists() for one in (path, files.head, files.manifest, files.lock)):
        return
    with _locked(files.lock):
        for one in (*files.found_aside().values(), files.manifest, path, files.head):
            one.unlink(missing_ok=True)


def _remove(folder: Path, lock: Path, patterns: Sequence[str]) -> None:
    with _locked(lock):
        for pattern in patterns:
            for one in folder.glob(pattern):
                one.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a writer's lock, which is gone afterwards."""
    lock = WriterLock(path)
    try:
        yield
        path.unlink(missing_ok=True)
    finally:
        lock.release()


def _remove_folder(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
