"""When a read replica may answer: it works, and it has what this process has written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, LiteralString

from pmstore.backends.postgres.pool import Pool

_PAUSE_S: Final = 10.0
"""For so long a replica that failed is not asked again."""

_WRITTEN: Final[LiteralString] = "SELECT pg_current_wal_lsn()::text"
_HAS: Final[LiteralString] = "SELECT coalesce(pg_last_wal_replay_lsn() >= %s::pg_lsn, false)"

Ask = Callable[[LiteralString, Sequence[object]], Awaitable[list[tuple[Any, ...]]]]


class Replica:
    """
    One replica, as one process sees it.

    Whoever writes says so. The next question then asks the primary how far its log goes, and
    the replica whether it has come so far; until it has, it is not asked anything else. A
    process that does not write asks it at once.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._writes = 0
        self._asked_at = 0
        self._wanted: str | None = None
        self._again_s = 0.0

    def wrote(self) -> None:
        """This process has written something, or perhaps."""
        self._writes += 1

    def rests(self, now_s: float) -> bool:
        """Whether it failed a short while ago."""
        return now_s < self._again_s

    def failed(self, now_s: float) -> None:
        """Leave it alone for a while."""
        self._again_s = now_s + _PAUSE_S

    async def has_own_writes(self, primary: Ask, replica: Ask) -> bool:
        """Whether it has everything that this process had written when it was asked."""
        if self._asked_at != self._writes:
            writes = self._writes
            self._wanted = (await primary(_WRITTEN, ()))[0][0]
            self._asked_at = writes
        if self._wanted is None:
            return True
        wanted = self._wanted
        has: bool = (await replica(_HAS, [wanted]))[0][0]
        if has and self._wanted == wanted:
            self._wanted = None
        return has
