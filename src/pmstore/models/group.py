"""Order groups: how much of a user's orders may be filled within a while."""

from __future__ import annotations

import attrs

GroupKey = tuple[str, str]
"""A group by its user and its name."""
SessionKey = tuple[str, str]
"""A session by its user and its name."""


@attrs.frozen(kw_only=True)
class Group:
    """
    An order group: at most `quantity_max` lots filled within `window_ms` (milliseconds).

    `fills` are the lots by the millisecond (epoch) of their fill, oldest first; the oldest
    may be older than the window. Once `triggered`, it takes no orders until it is re-armed.
    """

    quantity_max: int
    window_ms: int
    triggered: bool = False
    fills: tuple[tuple[int, int], ...] = ()
