"""Keys that this process reads from the truth, because its caches may not have them right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

from pmstore.errors import PmstoreError, WriteOutcome

K = TypeVar("K")


class Marks(Generic[K]):
    """
    The keys of the writes that are under way, or that ended without saying how.

    Args:
        detach: Told of keys that are marked: their flights are not joined any more.
        doubt: Told of keys that the truth may have and the caches not; it calls `release`
            with each of them once, when the caches are right again.
    """

    def __init__(
        self, *, detach: Callable[[Iterable[K]], None], doubt: Callable[[Set[K]], None]
    ) -> None:
        self._detach = detach
        self._doubt = doubt
        self._counts: Counter[K] = Counter()
        self.keys: Final[Mapping[K, int]] = self._counts
        """The keys that are marked now, and how often; a plain look-up, for every read."""

    def clear(self) -> None:
        """Nothing is cached, so nothing is wrong."""
        self._counts.clear()

    @contextmanager
    def writing(self, keys: Iterable[K]) -> Iterator[None]:
        """
        Mark *keys* while the truth and the caches are written.

        After a cancellation, or an error that does not say that nothing happened, nobody
        knows what the caches have missed: the marks stay until the relay has been round.
        """
        marked = frozenset(keys)
        self._mark(marked)
        try:
            yield
        except BaseException as error:
            if is_doubtful(error):
                self._doubt(marked)
            else:
                self.release(marked)
            raise
        self.release(marked)

    def stay(self, keys: Iterable[K]) -> None:
        """Mark *keys* until the relay has been round: it alone tells some cache of them."""
        marked = frozenset(keys)
        self._mark(marked)
        self._doubt(marked)

    def release(self, keys: Set[K]) -> None:
        """One of the marks of each of *keys* is over."""
        counts = self._counts
        for key in keys:
            if counts[key] > 1:
                counts[key] -= 1
            else:
                del counts[key]

    def _mark(self, keys: Set[K]) -> None:
        self._counts.update(keys)
        self._detach(keys)


def is_doubtful(error: BaseException) -> bool:
    """Whether the write that ended with *error* may have reached the truth."""
    return not isinstance(error, PmstoreError) or error.outcome is not WriteOutcome.NOT_APPLIED
