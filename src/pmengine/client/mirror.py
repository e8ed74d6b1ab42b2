"""One market's book as the depth feed tells it, and whether it can be believed now."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Literal

import attrs

from pmengine.client.depth_messages import Delta, Snapshot
from pmengine.client.errors import ClientError
from pmengine.client.markets import Depth, Level, TokenDepth
from pmengine.client.orders import Trade
from pmengine.client.pending import Pending

MarketKey = tuple[int, int]
_GONE: Final = Decimal(0)


@attrs.frozen(kw_only=True)
class BookChange:
    """
    One thing that happened to a mirrored book.

    Attributes:
        kind: `delta`: levels changed; `snapshot`: the whole book, in place of what was;
            `stale`: the book is not live from now on, until a snapshot.
        update_id: Of the book after it.
        timestamp: Epoch milliseconds, by the exchange.
        levels: Of each token, those that changed (a quantity of 0: it is gone), or all.
        trades: That made the change, oldest first, in the taker's terms.
        missed: Changes before it were not told: the connection was lost, or they were not
            taken fast enough. The book itself is right.
    """

    kind: Literal["delta", "snapshot", "stale"]
    update_id: int
    timestamp: int
    levels: dict[str, TokenDepth] = attrs.Factory(dict)
    trades: tuple[Trade, ...] = ()
    missed: bool = False


@attrs.define
class _Sides:
    latest_trade_price: Decimal | None = None
    bids: dict[Decimal, Level] = attrs.Factory(dict)
    asks: dict[Decimal, Level] = attrs.Factory(dict)


class Mirror:
    """
    The book of one market.

    It is live from a snapshot on, as long as each delta goes on exactly where the one before
    ended, and the connection lasts.
    """

    def __init__(self, key: MarketKey) -> None:
        self.key: Final = key
        self.update_id = -1
        self.timestamp = 0
        self.failure: ClientError | None = None
        self.is_live = False
        self.followers = 0
        self._tokens: dict[str, _Sides] = {}
        self._pending: weakref.WeakSet[Pending[BookChange]] = weakref.WeakSet()
        """Who stopped iterating is told nothing more."""
        self._settled = asyncio.Event()

    def begin(self, snapshot: Snapshot) -> None:
        """Take the whole book in place of what was."""
        again = self.update_id >= 0
        self._tokens = {}
        self._take(snapshot.depths)
        self._moved(snapshot.update_id, snapshot.timestamp)
        self.is_live = True
        self._settled.set()
        self._tell(
            BookChange(
                kind="snapshot",
                update_id=snapshot.update_id,
                timestamp=snapshot.timestamp,
                levels=snapshot.depths,
                missed=again,
            )
        )

    def follow(self, delta: Delta) -> bool:
        """Take a delta in; False if it does not go on where the book is: ask for a snapshot."""
        if not self.is_live:
            return True  # a snapshot is under way, and is later than this
        if delta.prev_update_id != self.update_id:
            self.lose()
            return False
        self._take(delta.changes)
        self._moved(delta.update_id, delta.timestamp)
        self._tell(
            BookChange(
                kind="delta",
                update_id=delta.update_id,
                timestamp=delta.timestamp,
                levels=delta.changes,
                trades=delta.trades,
            )
        )
        return True

    def lose(self) -> None:
        """What comes may leave something out from now on, until a snapshot."""
        if self.is_live:
            self.is_live = False
            self._settled.clear()
            self._tell(BookChange(kind="stale", update_id=self.update_id, timestamp=self.timestamp))

    def fail(self, error: ClientError) -> None:
        """It will not be live again."""
        self.lose()
        self.failure = error
        self._settled.set()
        for pending in self._pending:
            pending.end(error)

    async def live(self) -> None:
        """
        Return as soon as it is live.

        Raises:
            ClientError: It will not be.
        """
        await self._settled.wait()
        if self.failure is not None:
            raise self.failure

    def join(self, pending: Pending[BookChange]) -> None:
        """Let *pending* have every change from now on."""
        if self.failure is not None:
            pending.end(self.failure)
        self._pending.add(pending)

    def leave(self, pending: Pending[BookChange]) -> None:
        """Let it have no more."""
        self._pending.discard(pending)

    def depth(self) -> Depth:
        """The whole book as it is now."""
        return Depth(
            event_id=self.key[0],
            market_id=self.key[1],
            update_id=self.update_id,
            timestamp=self.timestamp,
            depths={
                token: TokenDepth(
                    latest_trade_price=sides.latest_trade_price,
                    bids=tuple(sides.bids[price] for price in sorted(sides.bids, reverse=True)),
                    asks=tuple(sides.asks[price] for price in sorted(sides.asks)),
                )
                for token, sides in self._tokens.items()
            },
        )

    def tokens(self) -> tuple[str, ...]:
        """The market's two tokens in their order."""
        return tuple(self._tokens)

    def last_price(self, token_id: str) -> Decimal | None:
        """What *token_id* was last traded at."""
        return self._tokens[token_id].latest_trade_price

    def best(self, token_id: str, side: Literal["bids", "asks"]) -> Level | None:
        """The best level of one side."""
        sides = self._tokens[token_id]
        if side == "bids":
            return sides.bids[max(sides.bids)] if sides.bids else None
        return sides.asks[min(sides.asks)] if sides.asks else None

    def _moved(self, update_id: int, timestamp: int) -> None:
        self.update_id = update_id
        self.timestamp = timestamp

    def _take(self, told: dict[str, TokenDepth]) -> None:
        for token, depth in told.items():
            sides = self._tokens.setdefault(token, _Sides())
            sides.latest_trade_price = depth.latest_trade_price
            _put(sides.bids, depth.bids)
            _put(sides.asks, depth.asks)

    def _tell(self, change: BookChange) -> None:
        for pending in self._pending:
            pending.put(change)


def _put(levels: dict[Decimal, Level], told: Iterable[Level]) -> None:
    for level in told:
        if level.total_quantity == _GONE:
            levels.pop(level.price, None)
        else:
            levels[level.price] = level
