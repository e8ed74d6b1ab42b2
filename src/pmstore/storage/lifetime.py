"""The lifetime, limits and coverage of a store."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from pmstore.errors import LimitExceeded, StoreClosed
from pmstore.protocols.store import ALL, Coverage, Limits


class Lifetime:
    """
    Open between entering and leaving; what is held stays while the object lives.

    Entering again after leaving is allowed and finds everything as it was left.
    """

    def __init__(self, *, limits: Limits | None = None, coverage: Coverage = ALL) -> None:
        self._limits = limits or Limits()
        self._coverage = coverage
        self._opened = False

    @property
    def limits(self) -> Limits:
        """What one call takes at most."""
        return self._limits

    @property
    def coverage(self) -> Coverage:
        """What the store holds."""
        return self._coverage

    async def __aenter__(self) -> Self:
        self._opened = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._opened = False

    def check_call(self, size: int = 0) -> None:
        """Refuse a call on a closed store, or with more than *size* records allow."""
        if not self._opened:
            raise StoreClosed(f"{type(self).__name__} is closed; use it inside `async with`")
        if size > self._limits.batch_size_max:
            raise LimitExceeded(
                f"{size} records in one call of {type(self).__name__}; it takes at most "
                f"{self._limits.batch_size_max}: split the batch"
            )
