"""The ids that the exchange gives to orders and moves, and to processes of its own."""

from __future__ import annotations

import os

from pmstore.clock import system_clock


def new_id() -> str:
    """A UUID of version 7: its first 48 bits are the time, so that ids sort by age."""
    random = int.from_bytes(os.urandom(10), "big")
    high = (system_clock() & (2**48 - 1)) << 16 | 0x7000 | random >> 68
    low = 0x8000_0000_0000_0000 | random & (2**62 - 1)
    text = f"{high << 64 | low:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
