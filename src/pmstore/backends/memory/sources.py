"""How far each source was consumed."""

from __future__ import annotations

from pmstore.models.position import Position


class Sources:
    """The position of every source; moved in the same step as the changes are kept."""

    def __init__(self) -> None:
        self._positions: dict[str, Position] = {}

    def has_had(self, source: str, position: Position) -> bool:
        """Whether *source* stands at *position* or later."""
        known = self._positions.get(source)
        return known is not None and known >= position

    def move(self, source: str, position: Position) -> None:
        """Let *source* stand at *position*."""
        self._positions[source] = position

    def position(self, source: str) -> Position | None:
        """Where *source* stands, None if nothing was taken from it."""
        return self._positions.get(source)
