"""Order groups as the facts tell them, with what was filled of each within its window."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import attrs

from pmstore.models.changes import GroupChanged, GroupFilled
from pmstore.models.group import Group, GroupKey


@attrs.define
class _Kept:
    """A group, its fills in a queue: a tuple would be copied with every fill."""

    quantity_max: int
    window_ms: int
    triggered: bool
    fills: deque[tuple[int, int]]


class Groups:
    """The groups of all users."""

    def __init__(self) -> None:
        self._groups: dict[GroupKey, _Kept] = {}

    def change(self, change: GroupChanged) -> None:
        """A group as it is now, or that it is gone."""
        key = (change.user_id, change.group)
        if not change.quantity_max:
            self._groups.pop(key, None)
            return
        kept = self._groups.get(key)
        fills: deque[tuple[int, int]] = deque() if kept is None else kept.fills
        self._groups[key] = _Kept(change.quantity_max, change.window_ms, change.triggered, fills)

    def fill(self, change: GroupFilled) -> None:
        """Note the lots of one millisecond, and forget what is older than the window."""
        kept = self._groups.get((change.user_id, change.group))
        if kept is None:
            return
        fills = kept.fills
        if fills and fills[-1][0] >= change.time_ms:
            if fills[-1][0] > change.time_ms:
                return  # engine time never goes back: this was folded before
            fills.pop()
        fills.append((change.time_ms, change.quantity))
        oldest_ms = change.time_ms - kept.window_ms
        while fills and fills[0][0] <= oldest_ms:
            fills.popleft()

    def restore(self, groups: Mapping[GroupKey, Group]) -> None:
        """Take up the groups of a snapshot."""
        for key, group in groups.items():
            fills = deque(group.fills)
            self._groups[key] = _Kept(group.quantity_max, group.window_ms, group.triggered, fills)

    def freeze(self) -> dict[GroupKey, Group]:
        """The groups as they are now; O(groups + their fills)."""
        return {
            key: Group(
                quantity_max=kept.quantity_max,
                window_ms=kept.window_ms,
                triggered=kept.triggered,
                fills=tuple(kept.fills),
            )
            for key, kept in self._groups.items()
        }
