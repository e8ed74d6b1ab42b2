"""Keys kept in order, cheap to append and to cut anywhere."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=tuple[Any, ...])

_CHUNK = 512
"""Keys per chunk: what an insertion or removal in the middle has to move at most, twice."""


class OrderedKeys(Generic[K]):
    """
    Distinct keys in ascending order.

    Kept in chunks, so that changing one of a million keys moves a few hundred and not all.
    Adding at the end, the common case, is one comparison and one append.
    """

    __slots__ = ("_chunks", "_lasts", "_size", "_tail")

    def __init__(self) -> None:
        self._tail: list[K] = []
        self._chunks: list[list[K]] = [self._tail]
        self._lasts: list[K] = []
        """The highest key of every chunk but the tail."""
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, key: K) -> None:
        """Add a key that is not there."""
        self._size += 1
        tail = self._tail
        if not tail:
            tail.append(key)
        elif key > tail[-1]:
            if len(tail) < _CHUNK:
                tail.append(key)
            else:
                self._lasts.append(tail[-1])
                self._tail = [key]
                self._chunks.append(self._tail)
        else:
            at = bisect_left(self._lasts, key)
            chunk = self._chunks[at]
            insort(chunk, key)
            if len(chunk) > 2 * _CHUNK:
                self._split(at)

    def discard(self, key: K) -> None:
        """Take out a key that is there."""
        self._size -= 1
        lasts = self._lasts
        at = bisect_left(lasts, key) if lasts else 0
        chunk = self._chunks[at]
        del chunk[bisect_left(chunk, key)]
        if chunk:
            if at < len(lasts):
                lasts[at] = chunk[-1]
        elif at < len(lasts):
            del self._chunks[at], lasts[at]
        elif lasts:
            self._chunks.pop()
            lasts.pop()
            self._tail = self._chunks[-1]

    def _split(self, at: int) -> None:
        chunk = self._chunks[at]
        self._chunks[at : at + 1] = [chunk[:_CHUNK], chunk[_CHUNK:]]
        self._lasts.insert(at, chunk[_CHUNK - 1])
        self._tail = self._chunks[-1]

    def first(self) -> K:
        """The lowest key; there must be one."""
        return self._chunks[0][0]

    def above(self, key: K | None) -> Iterator[K]:
        """Ascending, those above *key*; all without one. Nothing may change meanwhile."""
        at = 0 if key is None else bisect_right(self._lasts, key)
        for chunk in self._chunks[at:] if at else self._chunks:
            start = 0 if key is None else bisect_right(chunk, key)
            yield from chunk[start:] if start else chunk

    def below(self, key: K | None) -> Iterator[K]:
        """Descending, those below *key*; all without one. Nothing may change meanwhile."""
        if key is None:
            at = len(self._chunks) - 1
        else:
            at = min(bisect_left(self._lasts, key), len(self._chunks) - 1)
        for number in range(at, -1, -1):
            chunk = self._chunks[number]
            end = len(chunk) if key is None else bisect_left(chunk, key)
            yield from reversed(chunk[:end] if end < len(chunk) else chunk)
