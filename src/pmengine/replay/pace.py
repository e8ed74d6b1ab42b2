"""How fast a recording is played: as fast as possible, or so many times its own speed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Pace:
    """
    Waits until the moment at which an event is due.

    Args:
        speed: How many times faster than recorded; None does not wait at all.
        now_s: A clock in seconds that never goes back.
        sleep: Waits so many seconds.

    Raises:
        ValueError: The speed is not a positive finite number.
    """

    def __init__(
        self,
        speed: float | None = None,
        *,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if speed is not None and not (math.isfinite(speed) and speed > 0):
            raise ValueError(f"speed is {speed}; it must be a positive number")
        self._speed = speed
        self._now_s = now_s
        self._sleep = sleep
        self._start: tuple[float, int] | None = None

    def wait_for(self, time_ms: int) -> None:
        """Return when an event that was received at *time_ms* is due; at once if it is late."""
        if self._speed is None:
            return
        if self._start is None:
            self._start = (self._now_s(), time_ms)
        start_s, start_ms = self._start
        due_s = start_s + (time_ms - start_ms) / 1000 / self._speed
        left_s = due_s - self._now_s()
        if left_s > 0:
            self._sleep(left_s)


def parse_speed(text: str) -> float | None:
    """
    The speed that *text* names: `full` is None, `recorded` is 1, a number is itself.

    Raises:
        ValueError: It is none of these; the message says what is.
    """
    if text == "full":
        return None
    if text == "recorded":
        return 1.0
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not (math.isfinite(speed) and speed > 0):
        raise ValueError(
            f"{text!r} is no speed; say full, recorded, or a positive number such as 10"
        )
    return speed
