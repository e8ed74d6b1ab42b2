"""Changes and how far their source was consumed, in one atomic step."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol, TypeVar

from pmstore.models.position import Position

C_contra = TypeVar("C_contra", contravariant=True)


class Applied(enum.Enum):
    APPLIED = "applied"
    DUPLICATE = "duplicate"


class Positioned(Protocol[C_contra]):
    """An optional segment of a store."""

    async def apply(
        self, changes: Sequence[C_contra], /, *, source: str, position: Position
    ) -> Applied:
        """
        Apply *changes* and move *source* to *position*, both or neither.

        `DUPLICATE` without any effect if the source already stands at *position* or later.
        Errors as for the store's own writing verb.
        """
        ...

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        ...
