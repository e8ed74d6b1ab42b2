"""Keeps the garbage collector from walking the state again and again, until it is dropped."""

from __future__ import annotations

import asyncio
import gc


def let_go() -> None:
    """
    Free a state that was dropped, also if it had been told as permanent; the rest stays so.

    A state points to itself, so only the collector frees it. Cost: one walk over everything.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


async def spare_the_collector(every_s: float) -> None:
    """
    Tell the collector what survived as permanent, every *every_s* seconds until cancelled.

    The state is millions of objects without cycles; young collections come less often.
    """
    gc.set_threshold(50_000, 20, 1_000_000)
    while True:
        gc.freeze()
        await asyncio.sleep(every_s)
