"""What the log is folded into: the state as models, or what keeps the same in another form."""

from __future__ import annotations

from typing import Any, Protocol, Self

from pmstore import Position, Snapshot


class Fold(Protocol):
    """The state after some entry of the log, such as `State`."""

    @property
    def last_message_id(self) -> Position | None:
        """The position of that entry."""
        ...

    @property
    def number(self) -> int:
        """Its number."""
        ...

    @property
    def hash(self) -> str:
        """Its hash."""
        ...

    def apply_batch(self, position: Position, batch: Any, /) -> None:
        """Fold one more entry, as the reader of the log that belongs to this gives it."""
        ...

    def freeze(self, timestamp: int, /) -> Snapshot:
        """A snapshot of everything, taken at *timestamp*, that later entries do not touch."""
        ...

    def digest(self) -> str:
        """The digest of everything that can change a later answer. Cost: O(state)."""
        ...

    @classmethod
    def restore(cls, snapshot: Snapshot, /, *, id_memory_s: int) -> Self:
        """
        The state that *snapshot* is a picture of.

        Raises:
            CorruptData: A row of it cannot be read.
        """
        ...
