"""How much random tests try: little, so that a run stays short, or `PM_THOROUGH` times as much."""

from __future__ import annotations

import os
from typing import Any, Final

TIMES: Final = int(os.environ.get("PM_THOROUGH", "1"))


def histories(count: int) -> dict[str, Any]:
    """What a `Rig` is told for *count* random histories, and for the time of more of them."""
    return {"examples": count * TIMES, "deadline_s": 100.0 * TIMES}
