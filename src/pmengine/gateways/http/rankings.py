"""Orders of events that change while pages are turned: each walk keeps the one it began with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import attrs

KEPT_MAX: Final = 32
ENTRIES_MAX: Final = 1_000_000
"""How many events all rankings that are kept have together."""


@attrs.frozen(eq=False)
class Ranking:
    """Events by what they are ranked by, the highest first: (event, micros) pairs."""

    name: str
    entries: Sequence[tuple[int, int]]


class Rankings:
    """The newest rankings; one that nobody turned a page of for long makes room for others."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Ranking] = OrderedDict()
        self._entries = 0

    def keep(self, ranking: Ranking) -> None:
        """Keep *ranking* for the pages behind the first."""
        if ranking.name in self._kept:
            return
        self._kept[ranking.name] = ranking
        self._entries += len(ranking.entries)
        while len(self._kept) > KEPT_MAX or (self._entries > ENTRIES_MAX and len(self._kept) > 1):
            _, oldest = self._kept.popitem(last=False)
            self._entries -= len(oldest.entries)

    def find(self, name: str) -> Ranking | None:
        """A ranking that is kept, which it is for longer now."""
        ranking = self._kept.get(name)
        if ranking is not None:
            self._kept.move_to_end(name)
        return ranking
