"""The operating system lock that keeps a second writer out of a folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from pmstore.errors import WriterLocked

_PID_BYTES_MAX = 32


class WriterLock:
    """
    An exclusive lock on a file, held until `release` or the end of the process.

    It belongs to the open file and not to the process, so a second store in the same
    process is refused too, and a forked child shares it: it is given back by the process
    that took it. Network file systems without `flock` are not supported.
    """

    def __init__(self, path: Path) -> None:
        """
        Take the lock at *path*.

        Raises:
            WriterLocked: Another store holds it; the message names the lock and its process.
            OSError: The lock file cannot be opened.
        """
        self._pid = os.getpid()
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, _PID_BYTES_MAX, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            by = f"process {holder}" if holder.isdigit() else "another process"
            raise WriterLocked(
                f"{path} is held by {by}, which writes there; stop it, or open for reading only"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{self._pid}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back; in a forked child it stays the parent's."""
        if self._pid == os.getpid():
            # Closing is not enough while a child has the file open too.
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)
