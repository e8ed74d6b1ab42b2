"""Tells whether files were replaced since they were read; looked at when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Final

LOOK_S: Final = 1.0
"""How often the files are looked at, at most."""

_State = tuple[int, int, int]


class WatchedFiles:
    """
    Files that are read once, and again when they have changed.

    To be made before they are read for the first time. Any number of threads may ask.

    Args:
        now_s: Seconds that only grow.
    """

    def __init__(self, paths: Sequence[Path], now_s: Callable[[], float] = monotonic) -> None:
        self._paths = tuple(paths)
        self._now_s = now_s
        self._lock = Lock()
        self._seen = self._states()
        self._look_again_s = now_s() + LOOK_S

    def have_changed(self) -> bool:
        """
        Whether they are others than when this last said so; said once for each change.

        Cost: a `stat` each, once in `LOOK_S` seconds at most; else nothing.
        """
        with self._lock:
            if self._now_s() < self._look_again_s:
                return False
            self._look_again_s = self._now_s() + LOOK_S
            before, self._seen = self._seen, self._states()
            return before != self._seen

    def _states(self) -> tuple[_State | None, ...]:
        return tuple(map(_state, self._paths))


def _state(path: Path) -> _State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
