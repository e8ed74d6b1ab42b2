"""Keeps the garbage collector from walking the state again and again, until it is dropped."""

from __future__ import annotations

import asyncio
import gc
from typing import Final

LOOK_S: Final = 5.0
_NEVER_S: Final = 3600.0
_GROWN_MIN: Final = 100_000
"""Objects that must have become permanent before they are all looked at once more."""


def let_go() -> None:
    """
    Free a state that was dropped, also if it had been told as permanent; the rest stays so.

    A state points to itself, so only the collector frees it. Cost: one walk over everything.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class _Sparing:
    """Tells the collector what it has found alive as permanent, so that it looks at it once."""

    def __init__(self) -> None:
        self.grown = 0
        """How many objects became permanent; most of them may be gone since."""

    def __call__(self, phase: str, _: dict[str, int]) -> None:
        # After a collection, not by a clock: what points to itself and is dropped is freed first.
        if phase == "stop":
            self.grown += len(gc.get_objects())
            gc.freeze()


async def spare_the_collector(look_s: float | None = None) -> None:
    """
    Let the collector look at each object once, soon after it was made, until cancelled.

    The state is millions of objects without cycles. With *look_s*, for who has connections too:
    so often it is asked whether twice as much is permanent as when all was looked at last, and
    then it is again. Else what points to itself, and was dropped late, would never be freed: a
    WebSocket does. The more there is, the rarer it becomes.
    """
    gc.set_threshold(50_000, 20, 1_000_000)
    gc.freeze()
    sparing = _Sparing()
    gc.callbacks.append(sparing)
    try:
        known = max(_GROWN_MIN, gc.get_freeze_count())
        while True:
            await asyncio.sleep(_NEVER_S if look_s is None else look_s)
            if look_s is not None and sparing.grown >= known:
                let_go()
                known, sparing.grown = max(_GROWN_MIN, gc.get_freeze_count()), 0
    finally:
        gc.callbacks.remove(sparing)
