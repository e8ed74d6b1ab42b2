"""A day of trading in a minute: an exchange whose clock is behind, and runs faster."""

from __future__ import annotations

from typing import Final

from tests.page.exchange_process import MAIN, ExchangeProcess
from tests.page.stage import Stage, set_stage

BEHIND_S: Final = 6 * 3600
STEPS: Final = 90
PAUSE_S: Final = 0.4
SPEED: Final = 300
"""So that what happens is of the last hours when it is over, and none of it of the future."""

CLOCK: Final = f"""
import time
real = time.time_ns
began = real()
time.time_ns = lambda: min(real(), began - {BEHIND_S} * 10**9 + (real() - began) * {SPEED})
"""


async def set_stage_in_the_past(exchange: ExchangeProcess) -> Stage:
    """As `set_stage`, over the last hours; then the exchange goes on in the present."""
    exchange.main = CLOCK + MAIN
    stage = await set_stage(exchange, steps=STEPS, pause_s=PAUSE_S)
    await exchange.end()
    exchange.main = MAIN
    await exchange.start()
    return stage
