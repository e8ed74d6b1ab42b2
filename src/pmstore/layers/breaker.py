"""Leaves a layer alone that does not answer, and tries it again with one call at a time."""

from __future__ import annotations

import enum
from collections.abc import Callable


class BreakerState(enum.Enum):
    """Whether calls pass."""

    CLOSED = "closed"
    """All of them."""
    OPEN = "open"
    """None."""
    HALF_OPEN = "half_open"
    """One, the probe, whose outcome decides."""


class Breaker:
    """
    A circuit breaker: `allows` before each call, then `succeeded`, `failed` or `abandoned`.

    After *failures* failures in a row it opens for *open_s* seconds; then one probe may
    pass. If that fails it opens again; if its caller gave up, the next one probes.
    """

    def __init__(self, *, failures: int, open_s: float, now_s: Callable[[], float]) -> None:
        self._failures_max = failures
        self._open_s = open_s
        self._now_s = now_s
        self._failures = 0
        self._open_until_s: float | None = None
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """What the next call will meet."""
        if self._open_until_s is None:
            return BreakerState.CLOSED
        if self._now_s() < self._open_until_s:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN

    def allows(self) -> bool:
        """Whether a call may be made now; the one that may must say how it ended."""
        if self._open_until_s is None:
            return True
        if self._probing or self._now_s() < self._open_until_s:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The call was answered."""
        self._failures = 0
        self._open_until_s = None
        self._probing = False

    def failed(self) -> None:
        """The call was not answered."""
        self._failures += 1
        if self._probing or self._failures >= self._failures_max:
            self._open_until_s = self._now_s() + self._open_s
        self._probing = False

    def abandoned(self) -> None:
        """The caller gave up before the answer: nothing is known."""
        self._probing = False
