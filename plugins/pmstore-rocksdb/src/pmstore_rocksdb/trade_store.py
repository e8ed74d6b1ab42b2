"""Trades in RocksDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pmstore import Applied, CorruptData, InvalidQuery, Page, Position, Trade, TradeQuery
from pmstore.codec import decode_trade, encode_trade
from pmstore.storage import (
    check_trades,
    page_of,
    read_cursor,
    trade_matches,
    trade_place,
)
from pmstore_rocksdb import positions
from pmstore_rocksdb.draft import Draft
from pmstore_rocksdb.keys import NUMBER_BYTES, number, sought, sought_number, text
from pmstore_rocksdb.residence import Residence
from pmstore_rocksdb.view import Reading

_FAMILY: Final = "trades"
_LISTS: Final = "trade_lists"

_ALL: Final = b"a"
_EVENT: Final = b"e"
_MARKET: Final = b"m"
_ORDER: Final = b"o"
_TOKEN: Final = b"t"
_USER: Final = b"u"
_LAST: Final = b"\xff" * 2 * NUMBER_BYTES
"""Behind every place in a list: a trade's numbers end at 2^63-1."""

_Given = list[tuple[bytes, bytes, set[bytes]]]
"""Of each trade its key, its value and its keys in lists."""


class RocksTradeStore(Residence):
    """
    Keeps each trade once in a RocksDB; a `Positioned` `TradeStore`.

    What was answered is on the disk.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, contract="trades")

    async def append(self, trades: Sequence[Trade], /) -> None:
        """Add trades; see `TradeStore.append`. One fsync, shared with other writes."""
        self.check_call(len(trades))
        given = _checked(trades)
        if given:
            await self.database.write(lambda draft: _append(draft, given))

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """
        The trades that *query* asks for, newest first; see `TradeStore.find`.

        Cost:
            Looks at the trades of the order, user, token, market or event asked for (the
            first of these that is set) in the time window; other fields are tested one by one.
        """
        self.check_call()
        return await self.database.read(lambda view: self._find(view, query))

    async def apply(
        self, changes: Sequence[Trade], /, *, source: str, position: Position
    ) -> Applied:
        """Append *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        given = _checked(changes)

        def change(draft: Draft) -> Applied:
            if positions.has_had(draft, _FAMILY, source, position):
                return Applied.DUPLICATE
            _append(draft, given)
            positions.move(draft, _FAMILY, source, position)
            return Applied.APPLIED

        return await self.database.write(change)

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await self.database.read(lambda view: positions.position_of(view, _FAMILY, source))

    def _find(self, view: Reading, query: TradeQuery) -> Page[Trade]:
        found: list[Trade] = []
        for key in candidates(view, query):
            value = view.get(_FAMILY, key)
            where = f"{self._path}: trade {int.from_bytes(key, 'big')}"
            if value is None:
                raise CorruptData("it stands in lists and is not there itself", where=where)
            trade = decode_trade(value, where)
            if query.start_ms is not None and trade.timestamp < query.start_ms:
                break
            if trade_matches(trade, query):
                found.append(trade)
                if len(found) > query.limit:
                    break
        return page_of(found, query.limit, trade_place)


def _checked(trades: Sequence[Trade]) -> _Given:
    """
    What is written of each trade.

    Raises:
        InvalidRecord: A value that no store may hold.
    """
    check_trades(trades)
    return [(number(one.trade_id), encode_trade(one), list_keys(one)) for one in trades]


def list_keys(trade: Trade) -> set[bytes]:
    """All keys of a trade in lists; a user who traded with itself stands once in its own."""
    place = number(trade.timestamp) + number(trade.trade_id)
    symbol = trade.symbol
    return {
        _ALL + place,
        _ORDER + text(trade.taker_order_id) + place,
        _ORDER + text(trade.maker_order_id) + place,
        _USER + text(trade.taker_user_id) + place,
        _USER + text(trade.maker_user_id) + place,
        _TOKEN + text(symbol.token_id) + place,
        _MARKET + number(symbol.market_id) + place,
        _EVENT + number(symbol.event_id) + place,
    }


def _append(draft: Draft, given: _Given) -> None:
    for key, value, keys in given:
        if draft.get(_FAMILY, key) is None:
            draft.put(_FAMILY, key, value)
            for place in keys:
                draft.put(_LISTS, place)


def forget(draft: Draft, key: bytes, trade: Trade) -> None:
    """Take out a trade that is there."""
    draft.delete(_FAMILY, key)
    for place in list_keys(trade):
        draft.delete(_LISTS, place)


def candidates(view: Reading, query: TradeQuery) -> Iterator[bytes]:
    """The keys of trades that can be the answer, newest first, from the window's end on."""
    below = _LAST
    if query.after is not None:
        timestamp, trade_id = (
            sought_number(int(part)) for part in read_cursor(query.after, int, int)
        )
        if timestamp is None or trade_id is None:
            raise InvalidQuery(f"{query.after!r} is not a cursor of this store")
        below = timestamp + trade_id
    if query.end_ms is not None:
        # An end below all numbers leaves nothing; one beyond them bounds nothing.
        end = number(min(max(query.end_ms, 0), 2**64 - 1))
        below = min(below, end)
    chosen = _chosen(query)
    if chosen is None:
        return
    for place in view.descending(_LISTS, chosen, below):
        yield place[NUMBER_BYTES:]


def _chosen(query: TradeQuery) -> bytes | None:
    """The list that is likely the shortest, None if no trade can match."""
    for name, part in (
        (_ORDER, query.order_id),
        (_USER, query.user_id),
        (_TOKEN, query.token_id),
        (_MARKET, query.market_id),
        (_EVENT, query.event_id),
    ):
        if part is not None:
            key = sought(part) if isinstance(part, str) else sought_number(part)
            return None if key is None else name + key
    return _ALL
