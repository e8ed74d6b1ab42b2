"""When written bytes are synced: at once, within an interval, or when a file is finished."""

from __future__ import annotations

import time
from typing import Literal

FsyncPolicy = Literal["always", "interval", "never"]


class SyncSchedule:
    """Says when a sync is due; owned by the thread that writes."""

    def __init__(self, fsync: FsyncPolicy, interval_s: float) -> None:
        """
        Keep to a policy.

        Raises:
            ValueError: No such policy, or an interval that is not more than 0 seconds.
        """
        if fsync not in ("always", "interval", "never"):
            raise ValueError(f"fsync is {fsync!r}; it takes always, interval or never")
        if interval_s <= 0:
            raise ValueError(f"fsync_interval_s is {interval_s}; it takes more than 0 seconds")
        self._fsync = fsync
        self._interval_s = interval_s
        self._synced_s = time.monotonic()
        self.dirty = False

    def written(self) -> None:
        """Say that bytes were written."""
        self.dirty = True

    def synced(self) -> None:
        """Say that everything written is durable."""
        self.dirty = False
        self._synced_s = time.monotonic()

    def due_s(self) -> float | None:
        """Seconds until a sync is due, None when none is."""
        if not self.dirty or self._fsync == "never":
            return None
        if self._fsync == "always":
            return 0.0
        return max(0.0, self._synced_s + self._interval_s - time.monotonic())
