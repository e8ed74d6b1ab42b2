"""What a command changed of the ladders: told of each market once, as its last word; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.entities import Book, OpenOrder
from pmengine.journal import Journal
from pmstore import MarketKey


class _Levels:
    """The levels of a market that changed and are to be told, by side."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.bids: dict[int, None] = {}
        self.asks: dict[int, None] = {}


class Depths:
    """
    Tells how ladders stand after a command: an update number is one command's.

    The one change that most commands make is told at once. Orders that leave together do so
    before a command, in the middle of a taker's fills, or of several groups at once: their
    levels wait, and so does what follows them, until the command is answered.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._untold: dict[MarketKey, _Levels] = {}

    def changed_level(self, book: Book, is_bid: bool, price: i64, now_ms: i64) -> None:
        """One level changed, the last that a command changes of its market."""
        if self._untold:
            levels = self._of(book)
            (levels.bids if is_bid else levels.asks)[price] = None
        else:
            self._journal.level_changed(book, is_bid, price, now_ms)

    def changed(self, book: Book, bids: list[int], asks: list[int], now_ms: i64) -> None:
        """Levels, and perhaps the last price, changed: the last that a command changes of them."""
        if self._untold:
            levels = self._of(book)
            levels.bids.update(dict.fromkeys(bids))
            levels.asks.update(dict.fromkeys(asks))
        else:
            self._journal.market_changed(book, bids, asks, now_ms)

    def left(self, order: OpenOrder) -> None:
        """An order left its level, where more may change yet."""
        levels = self._of(order.token.book)
        (levels.bids if order.is_bid else levels.asks)[order.ladder_price] = None

    def closed(self, book: Book, now_ms: i64) -> None:
        """The market shows no depth any more."""
        levels = self._untold.pop(book.key, None)
        if len(book.ladder):
            self._journal.market_changed(book, [], [], now_ms, True)
        elif levels is not None:
            self._tell(levels, now_ms)

    def tell(self, now_ms: i64) -> None:
        """The command is done: tell what waits."""
        if self._untold:
            for levels in self._untold.values():
                self._tell(levels, now_ms)
            self._untold.clear()

    def _of(self, book: Book) -> _Levels:
        levels = self._untold.get(book.key)
        if levels is None:
            levels = self._untold[book.key] = _Levels(book)
        return levels

    def _tell(self, levels: _Levels, now_ms: i64) -> None:
        self._journal.market_changed(levels.book, list(levels.bids), list(levels.asks), now_ms)
