"""How far trades were read from a store that shards fill, each at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from pmengine.services.log import Place
from pmengine.shards import SHARDS_MAX
from pmstore import Trade

BEHIND_MS: Final = 300_000
"""By how much the newest trade of a shard may be older than its log's last entry."""

Places = Callable[[], Sequence[Place]]
"""How far the stores are with the log of each shard."""


@attrs.define
class Frontier:
    """
    The newest trades that were read, by shard.

    Times of one shard's trades never go back, so of one shard whatever is older than its newest
    was read. Of several, the trades of one that is behind come between those of the others:
    then reading goes back to where each shard that moved since was read. An engine that is
    beyond `BEHIND_MS` behind its input while it works is not foreseen there.
    """

    _newest_ms: dict[int, int] = attrs.Factory(dict)
    _last_ids: dict[int, int] = attrs.Factory(dict)
    _through: Sequence[Place] = ()
    _places: Sequence[Place] = ()
    _horizon_ms: int = 0
    _next_horizon_ms: int = 0
    _news: list[dict[int, int]] = attrs.Factory(lambda: [{}, {}])

    def begin(self, places: Sequence[Place], newest_ms: int = 0) -> int | None:
        """
        Begin to read what stores at *places* have; from when on, None if nothing moved.

        Args:
            newest_ms: The time of the newest trade in the store, whoever's it is: what comes
                into the store of one shard from now on is not older.
        """
        self._places = tuple(places)
        self._next_horizon_ms = newest_ms
        self._news = [{}, {}]
        if not self._through:
            return 0
        moved = [
            (shard, before)
            for shard, (before, now) in enumerate(zip(self._through, places, strict=True))
            if before.number != now.number
        ]
        if not moved:
            self._next_horizon_ms = self._horizon_ms  # nothing is read up to there
            return None
        if len(places) == 1:
            return max(self._horizon_ms, self._newest_ms.get(0, 0))
        return min(
            max(0, self._newest_ms.get(shard, 0), before.position.ms - BEHIND_MS)
            for shard, before in moved
        )

    def take(self, trade: Trade) -> bool:
        """Whether *trade* was not read before; it is now."""
        shard = trade.trade_id % SHARDS_MAX
        if trade.trade_id <= self._last_ids.get(shard, 0):
            return False
        newest_ms, last_ids = self._news
        newest_ms[shard] = max(newest_ms.get(shard, 0), trade.timestamp)
        last_ids[shard] = max(last_ids.get(shard, 0), trade.trade_id)
        return True

    def end(self) -> None:
        """Everything was read that was there at the beginning."""
        newest_ms, last_ids = self._news
        self._newest_ms.update(newest_ms)
        self._last_ids.update(last_ids)
        self._through = self._places
        self._horizon_ms = self._next_horizon_ms
