"""Versioned tombstones that live for a while."""

from __future__ import annotations

from collections import deque

from pmstore.clock import Clock

_PURGE_MAX = 1000
"""Tombstones that one write purges at most, so that no write pays for a day of removals."""


class Tombstones:
    """For each removed id the version that no save up to it passes, kept for `tombstone_s`."""

    def __init__(self, clock: Clock, tombstone_s: float) -> None:
        self._clock = clock
        self._lifetime_ms = int(tombstone_s * 1000)
        self._stones: dict[str, tuple[int, int]] = {}
        self._queue: deque[tuple[int, str]] = deque()

    def __len__(self) -> int:
        return len(self._stones)

    def bury(self, id: str, version: int) -> None:
        """Let no save of *id* up to *version* pass, or up to the one already buried if higher."""
        known = self._stones.get(id)
        if known is not None and known[0] > version:
            version = known[0]
        until_ms = self._clock() + self._lifetime_ms
        self._stones[id] = (version, until_ms)
        self._queue.append((until_ms, id))

    def beats(self, id: str, version: int) -> bool:
        """Whether a save of this version must be ignored."""
        known = self._stones.get(id)
        return known is not None and version <= known[0]

    def lift(self, id: str) -> None:
        """Forget *id*: a higher version lives."""
        self._stones.pop(id, None)

    def purge(self) -> None:
        """Drop the expired ones, the oldest first and a bounded number of them."""
        queue = self._queue
        if not queue:
            return
        now = self._clock()
        for _ in range(min(len(queue), _PURGE_MAX)):
            until_ms, id = queue[0]
            if until_ms > now:
                return
            queue.popleft()
            known = self._stones.get(id)
            if known is not None and known[1] <= now:
                del self._stones[id]
