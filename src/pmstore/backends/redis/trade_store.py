"""Trades in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pmstore.backends.redis.channel import RedisChannel
from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.order_store import BATCH_MAX
from pmstore.backends.redis.outbox import RedisOutbox
from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.records import Kind, Records, Row, header
from pmstore.clock import Clock, system_clock
from pmstore.codec import decode_trade, encode_trade
from pmstore.models.position import Position
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.outbox import TRADES as NOTE_KEY
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import ALL, Coverage, Limits
from pmstore.storage.batches import check_trades
from pmstore.storage.cursor import read_cursor
from pmstore.storage.pages import page_of, trade_place

TRADES: Final = Kind(
    name="trades",
    record="trade:",
    skip=20,
    one_content=False,
    note=NOTE_KEY,
    all="trades:recent",
)


class RedisTradeStore(RedisPlace):
    """
    Keeps each trade once in Redis; a `TradeStore`, and `Positioned`.

    A trade is its JSON at `trade:{id, 20 digits}`; `trades:recent` and the sets of a user,
    order, token, market and event are ordered sets of score 0 with members of timestamp
    and id, 20 digits each: doubles could not tell them apart.

    Args:
        config: Where; with `recent` the newest so many are kept.
        clock: The time now in epoch milliseconds.
    """

    def __init__(
        self,
        config: RedisConfig,
        *,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__(
            config,
            limits=Limits(batch_size_max=BATCH_MAX),
            coverage=ALL if config.recent is None else Coverage(newest=config.recent),
        )
        self._records = Records(TRADES, self, clock=clock, recent=config.recent)
        self.outbox: RedisOutbox[str] = RedisOutbox(self, TRADES.name, str)
        """Notes of what was appended here."""
        self.channel = RedisChannel(self, f"{TRADES.name}:channel")
        """Messages to everybody who opened this place."""

    async def append(self, trades: Sequence[Trade], /) -> None:
        """Add trades; see `TradeStore.append`."""
        self.check_call(len(trades))
        await self._records.save(_rows(trades))

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """
        The trades that *query* asks for, newest first; see `TradeStore.find`.

        Cost:
            Reads the smallest index of those that the question names, from the newest trade
            asked for, 5000 entries a round trip.
        """
        self.check_call()
        begin = "+"
        if query.after is not None:
            timestamp, trade_id = read_cursor(query.after, int, int)
            begin = f"({_member(int(timestamp), int(trade_id))}"
        if query.end_ms is not None:
            # Before every trade of that time: nothing follows the time itself.
            bound = f"({max(query.end_ms, 0):020d}"
            begin = bound if begin == "+" else min(begin, bound)
        documents = await self._records.find(
            query.limit + 1,
            indexes=_indexes(query),
            begin=begin,
            end="-" if query.start_ms is None else f"[{max(query.start_ms, 0):020d}",
            descending=True,
        )
        found = [decode_trade(document, key) for key, document in documents]
        return page_of(found, query.limit, trade_place)

    async def apply(
        self, changes: Sequence[Trade], /, *, source: str, position: Position
    ) -> Applied:
        """Append *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        return await self._records.apply(_rows(changes), source=source, position=position)

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await self._records.position(source)


def _rows(trades: Sequence[Trade]) -> list[Row]:
    """The trades as they are stored; raises before anything is sent."""
    check_trades(trades)
    return [_row(trade) for trade in trades]


def _row(trade: Trade) -> Row:
    symbol = trade.symbol
    # A user who traded with itself stands once.
    indexes = dict.fromkeys(
        (
            f"order_trades:{trade.taker_order_id}",
            f"order_trades:{trade.maker_order_id}",
            f"user_trades:{trade.taker_user_id}",
            f"user_trades:{trade.maker_user_id}",
            f"token_trades:{symbol.token_id}",
            f"market_trades:{symbol.market_id}",
            f"event_trades:{symbol.event_id}",
        )
    )
    head = header(
        0,
        trade.timestamp,
        "Traded",
        _member(trade.timestamp, trade.trade_id),
        "\n".join(indexes) + "\n",
    )
    return Row(f"{trade.trade_id:020d}", head, encode_trade(trade))


def _member(timestamp: int, trade_id: int) -> str:
    return f"{timestamp:020d}{trade_id:020d}"


def _indexes(query: TradeQuery) -> list[str]:
    """The indexes in which every answer stands."""
    named = {
        "user_trades": query.user_id,
        "order_trades": query.order_id,
        "token_trades": query.token_id,
        "market_trades": query.market_id,
        "event_trades": query.event_id,
    }
    return [f"{name}:{value}" for name, value in named.items() if value is not None]
