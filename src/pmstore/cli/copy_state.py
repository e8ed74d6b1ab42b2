"""How far a copy got, kept in files so that a killed one goes on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_LENGTH: Final = struct.Struct(">Q")


def state_folder(source: str, target: str) -> Path:
    """
    Where the state of a copy between two places is kept: `$XDG_STATE_HOME/pmstore/…`.

    The same words name other files in another folder, so the folder we are in belongs to it.
    """
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    name = hashlib.sha256(f"{Path.cwd()}\0{source}\0{target}".encode()).hexdigest()[:16]
    return Path(home) / "pmstore" / f"copy-{name}"


class CopyState:
    """
    What is known of one contract's copy; every change replaces a small file.

    Enough for a kill of the process. It is not synced: after a loss of power a copy may do
    some pages again, which changes nothing, since every write of a copy can be repeated.
    """

    def __init__(self, folder: Path, contract: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{contract}.json"
        self.spool = Spool(folder / f"{contract}.spool")
        self.values: dict[str, Any] = {}
        if self._path.exists():
            # What a loss of power left of it may be nothing: then the copy begins anew.
            with suppress(ValueError):
                self.values = json.loads(self._path.read_bytes())

    def note(self, **values: Any) -> None:
        """Remember *values* beside those of before."""
        self.values |= values
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.values))
        temporary.replace(self._path)


def forget(folder: Path) -> None:
    """Remove the state of a copy."""
    shutil.rmtree(folder, ignore_errors=True)


class Spool:
    """Blocks of bytes in a file, written forwards and read backwards, one at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, block: bytes, start: int) -> int:
        """Put *block* at *start*, cut what was behind it; answers where the next one goes."""
        with self._path.open("r+b" if self._path.exists() else "w+b") as file:
            file.seek(start)
            file.truncate()
            file.write(block + _LENGTH.pack(len(block)))
            return file.tell()

    def backwards(self, end: int) -> Iterator[tuple[bytes, int]]:
        """The blocks before *end*, the last one first, each with where it begins."""
        if end == 0:
            return
        with self._path.open("rb") as file:
            while end > 0:
                file.seek(end - _LENGTH.size)
                (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
                end -= _LENGTH.size + length
                file.seek(end)
                yield file.read(length), end
