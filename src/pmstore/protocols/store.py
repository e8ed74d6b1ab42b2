"""What every store has beside its verbs: a lifetime, stated limits and a coverage."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

import attrs


@attrs.frozen(kw_only=True)
class Limits:
    """What one call takes at most; more is refused with `LimitExceeded`, never cut."""

    batch_size_max: int = 10_000


@attrs.frozen(kw_only=True)
class Coverage:
    """
    What a store holds: everything, or the recent part of it.

    With both windows unset it is ALL. A RECENT store may answer a `get` by a hit, and a
    list that lies wholly inside its window; nothing else.
    """

    newest: int | None = None
    """It holds the newest so many records."""
    since_s: float | None = None
    """It holds the records of the last so many seconds."""

    @property
    def is_all(self) -> bool:
        """Whether nothing is missing."""
        return self.newest is None and self.since_s is None


ALL = Coverage()


class Store(Protocol):
    """
    A lifetime: verbs work inside `async with` alone.

    Outside of it every verb raises `StoreClosed`. Leaving twice is harmless. A client
    that the caller made is never closed by the store.
    """

    @property
    def limits(self) -> Limits:
        """What one call takes at most."""
        ...

    @property
    def coverage(self) -> Coverage:
        """What the store holds."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
