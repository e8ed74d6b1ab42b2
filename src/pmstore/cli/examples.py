"""How the examples of a command stand in its help."""

from __future__ import annotations


def examples(*lines: str) -> str:
    """Each of *lines* on a line of its own under a heading, as `--help` shows them."""
    return "\n\n".join(["Examples:", *lines])
