"""A day of trading in a minute: an exchange whose clock says what it is told to."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from tests.page.exchange_process import MAIN, ExchangeProcess
from tests.page.stage import Stage, set_stage

STEPS: Final = 90
STEP_S: Final = 240
"""How far the clock goes from step to step: over six hours in all."""

CLOCK: Final = """
import time
def told_ns():
    with open({path!r}) as told:
        return int(told.read())
time.time_ns = told_ns
"""


async def set_stage_in_the_past(exchange: ExchangeProcess, folder: Path) -> Stage:
    """
    As `set_stage`, over the last hours; then the exchange goes on in the present.

    Args:
        folder: Where its clock is told.
    """
    path, began_ns = folder / "now.txt", time.time_ns() - STEPS * STEP_S * 10**9

    def tell(step: int) -> None:
        written = path.with_suffix(".new")
        written.write_text(str(began_ns + step * STEP_S * 10**9))
        os.replace(written, path)

    tell(0)
    exchange.main = CLOCK.format(path=str(path)) + MAIN
    stage = await set_stage(exchange, steps=STEPS, stepped=tell)
    await exchange.end()
    exchange.main = MAIN
    await exchange.start()
    return stage
