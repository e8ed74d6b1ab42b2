"""Changes and how far their source was consumed, in one atomic step, without `await`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pmstore.models.position import Position
from pmstore.protocols import Applied
from pmstore.sync.lifetime import SyncStore


class Positioned(SyncStore[Any]):
    """
    The segment `apply` / `position` of a store; see `pmstore.Positioned`.

    `positioned` makes it from an opened store that has the segment.
    """

    def apply(self, changes: Sequence[Any], /, *, source: str, position: Position) -> Applied:
        """Apply *changes*, of the store's own kind, and move *source*, both or neither."""
        applied: Applied = self._run(self._store.apply(changes, source=source, position=position))
        return applied

    def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        position: Position | None = self._run(self._store.position(source))
        return position


def positioned(store: SyncStore[Any], /) -> Positioned | None:
    """The segment of an open store, usable as long as that one is open; None if it has none."""
    if not hasattr(store._store, "apply"):
        return None
    segment = Positioned(store._store)
    segment._thread = store._thread
    return segment
