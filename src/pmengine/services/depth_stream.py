"""The depth of each market on a stream, again and again, for readers that are none of ours."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
import structlog

from pmengine.services.depth import Depth, DepthFeed
from pmstore import MarketKey, Position, StoreUnavailable, Stream
from pmstore.clock import Clock

DEPTH_STREAM: Final = "depth_stream"
ENTRY_MARKETS_MAX: Final = 100
KEPT_MS: Final = 3_600_000
"""How long an entry is kept; the last one stays."""

_logger = structlog.get_logger("pmengine.depth")
_encoder: Final = msgspec.json.Encoder()


class MarketDepth(
    msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, tag=True, tag_field="types"
):
    """
    All levels of a market in terms of its first token: price (ticks) and lots, best first.

    `last_price` is absent before any trade. A market that is `removed` has nothing any more.
    """

    event_id: int
    market_id: int
    update_id: int
    timestamp: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    last_price: int = 0
    removed: bool = False

    @classmethod
    def of(cls, key: MarketKey, depth: Depth, *, removed: bool = False) -> MarketDepth:
        """*depth* as it is now; if it was *removed*, without its levels."""
        return cls(
            event_id=key[0],
            market_id=key[1],
            update_id=depth.update_id,
            timestamp=depth.timestamp,
            bids=[] if removed else depth.best_bids(),
            asks=[] if removed else depth.best_asks(),
            last_price=depth.last_price,
            removed=removed,
        )


class DepthStream:
    """Tells the depth of every market at the start, then of those that changed."""

    def __init__(self, stream: Stream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._told: dict[MarketKey, Depth] = {}
        """What was told last of each market; its levels are not kept."""

    async def keep(self, feed: DepthFeed, every_s: float) -> None:
        """Tell what changed in *feed* every *every_s* seconds, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            if feed.place is None:
                continue
            try:
                await self.tell(feed)
            except StoreUnavailable as error:
                _logger.warning("depth_not_told", reason=str(error))

    async def tell(self, feed: DepthFeed) -> int:
        """
        Tell of each market of *feed* that changed since it was told of last; how many did.

        Each document is of one moment, and an entry has at most `ENTRY_MARKETS_MAX` of them.

        Raises:
            StoreUnavailable: Perhaps some were told; all that were not are told next time.
        """
        now, told = feed.all(), self._told
        gone = [key for key in told if key not in now]
        changed = [key for key, depth in now.items() if _differs(depth, told.get(key))]
        changed += gone
        for start in range(0, len(changed), ENTRY_MARKETS_MAX):
            keys = changed[start : start + ENTRY_MARKETS_MAX]
            # What was removed while others were told of is told as removed at once.
            documents = [
                MarketDepth.of(key, now[key])
                if key in now
                else MarketDepth.of(key, told.get(key, Depth()), removed=True)
                for key in keys
            ]
            await self._stream.append([_encoder.encode(documents)])
            for one in documents:
                key = (one.event_id, one.market_id)
                if one.removed:
                    told.pop(key, None)
                else:
                    told[key] = Depth(one.update_id, one.timestamp, one.last_price)
        await self._stream.trim(Position(max(0, self._clock() - KEPT_MS), 0))
        return len(changed)


def _differs(depth: Depth, told: Depth | None) -> bool:
    return told is None or depth.update_id != told.update_id
