"""Whether a server's clock agrees with this machine's."""

from __future__ import annotations

from typing import Final

from pmstore.protocols.diagnosis import Finding, Level

SKEW_MS_MAX: Final = 1000
"""Rule 11 of the layers bounds staleness by a second; clocks further apart are reported."""


def skew_finding(where: str, *, asked_ms: int, server_ms: int, answered_ms: int) -> Finding:
    """
    The finding about a server that said *server_ms* when asked.

    Args:
        where: The server, without secrets.
        asked_ms: This machine's time when the question was sent, epoch milliseconds.
        server_ms: What the server said.
        answered_ms: This machine's time when the answer came. Half of the way there and
            back is allowed on top of `SKEW_MS_MAX`: nobody knows when the server looked.
    """
    skew_ms = server_ms - (asked_ms + answered_ms) // 2
    if abs(skew_ms) <= SKEW_MS_MAX + (answered_ms - asked_ms) // 2:
        return Finding(
            level=Level.FINE,
            kind="clock-skew",
            what=f"its clock and this machine's agree within {abs(skew_ms)} ms",
            where=where,
        )
    word = "ahead of" if skew_ms > 0 else "behind"
    return Finding(
        level=Level.WARNING,
        kind="clock-skew",
        what=f"its clock is {abs(skew_ms) / 1000:.1f} s {word} this machine's",
        where=where,
        remedy="Set both clocks by NTP (timedatectl shows whether one is synchronized): expiry, "
        "leases and time windows are counted by both",
    )
