"""Until when the sessions of users live, the earliest end first; pure."""

from __future__ import annotations

import heapq

from mypy_extensions import i64

from pmengine.entities import NEVER_MS, SPARE
from pmengine.records import Records
from pmstore import SessionKey


class Sessions:
    """The sessions of the records by their deadline."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._queue: list[tuple[int, SessionKey]] = []
        """Deadlines that were renewed stay in it, but never more than there are others."""

    def __len__(self) -> int:
        """How many deadlines are kept, those that were renewed included."""
        return len(self._queue)

    def set(self, key: SessionKey, deadline_ms: int) -> None:
        """Let a session live until *deadline_ms*."""
        sessions = self._records.sessions
        if key not in sessions:
            self._records.user(key[0]).sessions += 1
        sessions[key] = deadline_ms
        queue = self._queue
        heapq.heappush(queue, (deadline_ms, key))
        self._records.is_due(deadline_ms)
        if len(queue) > 2 * len(sessions) + SPARE:
            self._queue = [(time_ms, key) for key, time_ms in sessions.items()]
            heapq.heapify(self._queue)

    def drop(self, key: SessionKey) -> None:
        """Let a session be over; one that is not there is left alone."""
        if self._records.sessions.pop(key, None) is not None:
            self._records.user(key[0]).sessions -= 1

    def has_room(self, key: SessionKey, sessions_max: i64) -> bool:
        """Whether the session is there, or its user has fewer than *sessions_max*."""
        if key in self._records.sessions:
            return True
        user = self._records.users.get(key[0])
        return user is None or user.sessions < sessions_max

    def next_ms(self) -> i64:
        """When the next session lapses; beyond all time if none does."""
        queue = self._queue
        while queue:
            deadline_ms, key = queue[0]
            if self._records.sessions.get(key) == deadline_ms:
                return deadline_ms
            heapq.heappop(queue)
        return NEVER_MS

    def next(self) -> SessionKey:
        """The session of which `next_ms` told."""
        return self._queue[0][1]
