"""Calls of the truth: tried again where that may help, and counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import attrs

from pmstore.errors import PmstoreError
from pmstore.layers.meter import Meter
from pmstore.layers.options import LayerOptions
from pmstore.layers.retrying import retried
from pmstore.models.position import Position

T = TypeVar("T")

TRUTH: Final = "truth"
"""The truth's name in metrics."""


@attrs.frozen(kw_only=True)
class Asking:
    """How the truth of one stack is asked."""

    options: LayerOptions
    now_s: Callable[[], float]
    meter: Meter | None

    async def __call__(
        self, op: str, call: Callable[[], Awaitable[T]], *, repeatable: bool = True
    ) -> T:
        """The answer of *call*; `repeatable` as for `retried`."""
        began_s = self.now_s()
        try:
            answer = await retried(
                call,
                attempts=self.options.attempts,
                backoff_s=self.options.backoff_s,
                repeatable=repeatable,
            )
        except PmstoreError as error:
            if self.meter is not None:
                self.meter.erred(TRUTH, type(error).__name__)
            raise
        if self.meter is not None:
            self.meter.took(TRUTH, op, self.now_s() - began_s)
        return answer

    async def lowest_position(self, stores: Sequence[Any], source: str) -> Position | None:
        """The lowest position of *stores*, None if one of them has none of *source*."""
        positions: list[Position | None] = [await one.position(source) for one in stores]
        known = [one for one in positions if one is not None]
        if self.meter is not None and known:
            self.meter.position_lag((max(known).ms - min(known).ms) / 1000)
        return min(known) if len(known) == len(positions) else None
