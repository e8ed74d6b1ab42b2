"""What a group of writes changes before it is written."""

from __future__ import annotations

from collections.abc import Mapping

from rocksdict import ColumnFamily, WriteBatch

from pmstore_rocksdb.view import Reading

_Place = tuple[str, bytes]


class Draft:
    """
    The database as the writes of a group leave it, one write seen by those behind it.

    A write is taken in by `keep`, or leaves nothing after `drop`.
    """

    def __init__(self, view: Reading) -> None:
        self.view = view
        """The database before the group."""
        self._kept: dict[_Place, bytes | None] = {}
        self._new: dict[_Place, bytes | None] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, family: str, key: bytes) -> bytes | None:
        """The value under *key* now, None if there is none."""
        place = (family, key)
        for changes in (self._new, self._kept):
            if place in changes:
                return changes[place]
        return self.view.get(family, key)

    def put(self, family: str, key: bytes, value: bytes = b"") -> None:
        """Set the value under *key*."""
        self._new[family, key] = value

    def delete(self, family: str, key: bytes) -> None:
        """Take *key* out; harmless if it is not there."""
        self._new[family, key] = None

    def keep(self) -> None:
        """Take in what was changed since the last `keep` or `drop`."""
        self._kept.update(self._new)
        self._new.clear()

    def drop(self) -> None:
        """Forget what was changed since the last `keep` or `drop`."""
        self._new.clear()

    def families(self) -> set[str]:
        """Where anything was kept."""
        return {family for family, _ in self._kept}

    def batch(self, handles: Mapping[str, ColumnFamily]) -> WriteBatch:
        """Everything that was kept, as one atomic write."""
        batch = WriteBatch(raw_mode=True)
        for (family, key), value in self._kept.items():
            if value is None:
                batch.delete(key, handles[family])
            else:
                batch.put(key, value, handles[family])
        return batch
