"""The database as it was after one group of writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from rocksdict import Rdict, RdictIter

from pmstore_rocksdb.failures import is_absence

READERS: Final = 2
"""Threads that read at the same time; the writer's is one more."""
_ITERATORS: Final = {"order_lists": 4 * READERS + 1}
"""Iterators that a family needs at most at one time, where a question merges several lists."""


class Moment:
    """
    One family at one moment; made by the writing thread between two writes.

    rocksdict's snapshots answer single keys as they were, but their iterators show what was
    written since. So the iterators themselves, which never do, are made beforehand, lent to
    one reader at a time, and used again.
    """

    def __init__(self, name: str, family: Rdict) -> None:
        self._snapshot = family.snapshot()
        self._free = [family.iter() for _ in range(_ITERATORS.get(name, READERS + 1))]

    def get(self, key: bytes) -> bytes | None:
        """The value under *key*, None if there is none."""
        try:
            value: bytes = self._snapshot[key]
        except Exception as error:
            if is_absence(error):
                return None
            raise
        return value

    def lend(self) -> RdictIter:
        """An iterator that nobody else uses until it is given back."""
        return self._free.pop()

    def take_back(self, iterator: RdictIter) -> None:
        """It stays with the moment, for the next reader."""
        self._free.append(iterator)

    def release(self) -> None:
        """Let go of the database, whoever still holds this object (a traceback does)."""
        del self._snapshot
        self._free.clear()


class View:
    """All families at one moment."""

    def __init__(
        self,
        families: Mapping[str, Rdict],
        before: View | None = None,
        changed: Collection[str] = (),
    ) -> None:
        """Now; with *before*, families that are not *changed* since then are taken from it."""
        self.moments: dict[str, Moment] = {
            name: Moment(name, family)
            if before is None or name in changed
            else before.moments[name]
            for name, family in families.items()
        }


class Reading:
    """
    Somebody's stay in a view; `close` gives back what it borrowed.

    Whatever RocksDB meets while it reads is raised, so that damage never looks like absence.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._borrowed: dict[RdictIter, Moment] = {}

    def close(self) -> None:
        """Give everything back that a traceback holds on to."""
        while self._borrowed:
            iterator, moment = self._borrowed.popitem()
            moment.take_back(iterator)

    def get(self, family: str, key: bytes) -> bytes | None:
        """The value under *key*, None if there is none."""
        return self._view.moments[family].get(key)

    def ascending(self, family: str, prefix: bytes, after: bytes = b"") -> Iterator[bytes]:
        """What follows *prefix* in the keys that begin with it, above *after*."""
        start = prefix + after
        size = len(prefix)
        at = self._borrow(family)
        try:
            at.seek(start)
            while at.valid():
                key: bytes = at.key()
                if not key.startswith(prefix):
                    return
                if not after or key != start:
                    yield key[size:]
                at.next()
            at.status()
        finally:
            self._give_back(at)

    def descending(self, family: str, prefix: bytes, below: bytes) -> Iterator[bytes]:
        """What follows *prefix* in the keys that begin with it, below *below*, last first."""
        end = prefix + below
        size = len(prefix)
        at = self._borrow(family)
        try:
            at.seek_for_prev(end)
            while at.valid():
                key: bytes = at.key()
                if not key.startswith(prefix):
                    return
                if key != end:
                    yield key[size:]
                at.prev()
            at.status()
        finally:
            self._give_back(at)

    def _borrow(self, family: str) -> RdictIter:
        moment = self._view.moments[family]
        iterator = moment.lend()
        self._borrowed[iterator] = moment
        return iterator

    def _give_back(self, iterator: RdictIter) -> None:
        # A generator that a traceback held on to ends after `close`.
        moment = self._borrowed.pop(iterator, None)
        if moment is not None:
            moment.take_back(iterator)
