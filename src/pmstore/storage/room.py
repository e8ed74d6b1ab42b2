"""Whether a folder takes new data, for the check-ups of what is kept in files."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from pmstore.protocols.diagnosis import Finding, Level

FREE_BYTES_LEAST: Final = 256 * 1024 * 1024
_PROBE_BYTES: Final = 64 * 1024
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def existing_folder(folder: Path) -> Path:
    """The folder, or the first one above it that there is."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def room_finding(folder: Path, where: str, *, file: Path | None = None) -> Finding | None:
    """
    Write and sync a little in *folder*, and leave no trace; blocks.

    Args:
        folder: It exists.
        where: The place in words, for the finding.
        file: It must be writable too, if it exists.

    Returns:
        An error if nothing can be written there, a warning if little room is left.
    """
    if not folder.is_dir():
        return Finding(
            level=Level.ERROR,
            kind="permission",
            what=f"{folder} is a file where a folder has to be",
            where=where,
            remedy="Name another place, or move that file away",
        )
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
        if file is not None and file.exists():
            os.close(os.open(file, os.O_WRONLY | os.O_APPEND))
    except OSError as error:
        return _trouble(error, folder, where)
    free = shutil.disk_usage(folder).free
    if free >= FREE_BYTES_LEAST:
        return None
    return Finding(
        level=Level.WARNING,
        kind="disk-full",
        what=f"only {free // 1024**2} MiB are free on its disk",
        where=where,
        remedy="Free some space, or move the data to a larger disk",
    )


def _trouble(error: OSError, folder: Path, where: str) -> Finding:
    if error.errno in _FULL:
        return Finding(
            level=Level.ERROR,
            kind="disk-full",
            what=f"nothing can be written: {error.strerror}",
            where=where,
            remedy=f"Free some space on the disk of {folder} (df -h, df -i)",
        )
    user = str(os.geteuid()) if hasattr(os, "geteuid") else "of this process"
    means = "mount it for writing" if error.errno == errno.EROFS else "check owner and mode"
    return Finding(
        level=Level.ERROR,
        kind="read-only",
        what=f"it cannot be written: {error.strerror}",
        where=where,
        remedy=f"Let the user {user} write in {folder}: {means} (ls -ld {folder})",
    )
