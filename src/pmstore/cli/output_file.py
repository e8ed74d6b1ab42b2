"""A file that comes to be under its name whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pmstore.errors import StoreUnavailable, WriteOutcome


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """
    A file to write, which takes the name *path* when the block ends well.

    It is written beside *path* under a name with `.partial`, synced, and renamed; if the
    block fails, or is stopped, it is removed and what was at *path* is still there. Behind a
    symbolic link that is the file it points to. A pipe or a device, such as /dev/stdout, is
    written to as it is: a file must not take its place.

    Raises:
        StoreUnavailable: It cannot be written there.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be written: {error.strerror or error}; nothing is left of it",
            outcome=WriteOutcome.NOT_APPLIED,
        ) from error
    finally:
        partial.unlink(missing_ok=True)
