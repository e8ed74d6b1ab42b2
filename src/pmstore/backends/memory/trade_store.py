"""Trades in memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import islice

from pmstore.backends.memory.channel import MemoryChannel
from pmstore.backends.memory.ordered_keys import OrderedKeys
from pmstore.backends.memory.outbox import MemoryOutbox
from pmstore.backends.memory.sources import Sources
from pmstore.errors import InvalidQuery
from pmstore.models.position import Position
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.outbox import TRADES
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import ALL, Coverage, Limits
from pmstore.storage.batches import check_trades
from pmstore.storage.copies import copy_trade
from pmstore.storage.cursor import read_cursor
from pmstore.storage.lifetime import Lifetime
from pmstore.storage.matching import trade_matches
from pmstore.storage.pages import page_of, trade_place

_Key = tuple[int, int]
"""`timestamp` and `trade_id`: the order of every list."""


class MemoryTradeStore(Lifetime):
    """
    Keeps each trade once in this process; a `TradeStore`.

    Hands out copies and keeps copies; every verb is one step of the event loop. `apply` and
    `position` make it `Positioned` over trades.

    Args:
        recent: Keep the newest so many trades by (`timestamp`, `trade_id`) and answer from
            them; None keeps all. The coverage says which.
        limits: What one call takes at most.
    """

    def __init__(self, *, recent: int | None = None, limits: Limits | None = None) -> None:
        if recent is not None and recent < 1:
            raise InvalidQuery(f"recent is {recent}; keep at least 1 trade, or None for all")
        super().__init__(limits=limits, coverage=ALL if recent is None else Coverage(newest=recent))
        self._recent = recent
        self._trades: dict[int, Trade] = {}
        self._all: OrderedKeys[_Key] = OrderedKeys()
        self._lists: dict[Hashable, OrderedKeys[_Key]] = {}
        self._sources = Sources()
        self.outbox: MemoryOutbox[str] = MemoryOutbox()
        """Notes for the windows in front of this store."""
        self.channel = MemoryChannel()
        """Carries messages between the stacks that share this store."""

    @property
    def count(self) -> int:
        """How many trades are held."""
        return len(self._trades)

    def oldest(self) -> _Key | None:
        """`timestamp` and `trade_id` of the oldest trade held, None without any."""
        return self._all.first() if self._trades else None

    async def append(self, trades: Sequence[Trade], /) -> None:
        """Add trades; see `TradeStore.append`."""
        self.check_call(len(trades))
        check_trades(trades)
        self._put(trades)

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """
        The trades that *query* asks for, newest first; see `TradeStore.find`.

        Cost:
            Looks at the trades of the order, user, token, market or event asked for (the
            first of these that is set); other fields are tested one by one.
        """
        self.check_call()
        found = (trade for trade in self._candidates(query) if trade_matches(trade, query))
        copies = [copy_trade(trade) for trade in islice(found, query.limit + 1)]
        return page_of(copies, query.limit, trade_place)

    async def apply(
        self, changes: Sequence[Trade], /, *, source: str, position: Position
    ) -> Applied:
        """Append *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        if self._sources.has_had(source, position):
            return Applied.DUPLICATE
        check_trades(changes)
        self._put(changes)
        self._sources.move(source, position)
        return Applied.APPLIED

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return self._sources.position(source)

    def _put(self, trades: Sequence[Trade]) -> None:
        fresh = [one.timestamp for one in trades if one.trade_id not in self._trades]
        if fresh:
            self.outbox.write([(TRADES, min(fresh))])
        for trade in trades:
            if trade.trade_id in self._trades:
                continue
            self._trades[trade.trade_id] = copy_trade(trade)
            key = (trade.timestamp, trade.trade_id)
            self._all.add(key)
            for name in _names(trade):
                keys = self._lists.get(name)
                if keys is None:
                    keys = self._lists[name] = OrderedKeys()
                keys.add(key)
            if self._recent is not None and len(self._all) > self._recent:
                self._drop(self._all.first())

    def _drop(self, key: _Key) -> None:
        trade = self._trades.pop(key[1])
        self._all.discard(key)
        for name in _names(trade):
            keys = self._lists[name]
            keys.discard(key)
            if not keys:
                del self._lists[name]

    def _candidates(self, query: TradeQuery) -> Iterator[Trade]:
        """Trades that can be the answer, descending from the cursor and the window's end."""
        below: _Key | None = None
        if query.after is not None:
            timestamp, trade_id = read_cursor(query.after, int, int)
            below = (int(timestamp), int(trade_id))
        if query.end_ms is not None and (below is None or below[0] >= query.end_ms):
            below = (query.end_ms, -1)
        keys = self._chosen(query)
        for _, trade_id in () if keys is None else keys.below(below):
            trade = self._trades[trade_id]
            if query.start_ms is not None and trade.timestamp < query.start_ms:
                return
            yield trade

    def _chosen(self, query: TradeQuery) -> OrderedKeys[_Key] | None:
        name: Hashable
        if query.order_id is not None:
            name = ("order", query.order_id)
        elif query.user_id is not None:
            name = ("user", query.user_id)
        elif query.token_id is not None:
            name = ("token", query.token_id)
        elif query.market_id is not None:
            name = ("market", query.market_id)
        elif query.event_id is not None:
            name = ("event", query.event_id)
        else:
            return self._all
        return self._lists.get(name)


def _names(trade: Trade) -> set[Hashable]:
    """The lists in which a trade stands; a user who traded with itself stands once."""
    symbol = trade.symbol
    return {
        ("order", trade.taker_order_id),
        ("order", trade.maker_order_id),
        ("user", trade.taker_user_id),
        ("user", trade.maker_user_id),
        ("token", symbol.token_id),
        ("market", symbol.market_id),
        ("event", symbol.event_id),
    }
