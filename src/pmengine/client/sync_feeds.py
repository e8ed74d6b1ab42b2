"""A mirrored book, and what a user has, without `await`."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from pmengine.client.blocking import blocking, iterating, reading
from pmengine.client.book import Book
from pmengine.client.loop_thread import LoopThread
from pmengine.client.mine import Mine
from pmengine.client.orders import Order
from pmengine.client.user_messages import Balance


class SyncBook:
    """
    The book of one market; see `Book`.

        with client.book(1, 1) as book:
            for change in book.changes():
                print(book.is_live, book.best_bid("y1"))

    It follows the exchange in the client's thread: every answer is the book as it is then.
    `depth` is the way to several numbers of one moment.
    """

    def __init__(self, thread: LoopThread, book: Book) -> None:
        self._thread = thread
        self._awaited = book

    def __enter__(self) -> Self:
        self._thread.run(self._awaited.__aenter__())
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.run(self._awaited.__aexit__(exc_type, exc, traceback))

    live = blocking(Book.live)
    depth = reading(Book.depth)
    best_bid = reading(Book.best_bid)
    best_ask = reading(Book.best_ask)
    last_price = reading(Book.last_price)
    changes = iterating(Book.changes)
    trades = iterating(Book.trades)

    @property
    def is_live(self) -> bool:
        """Whether it can be believed: it is whole, and the connection is there."""
        return self._awaited.is_live

    @property
    def update_id(self) -> int:
        """The update of the market that it shows."""
        return self._awaited.update_id

    @property
    def timestamp(self) -> int:
        """When that was, in epoch milliseconds by the exchange."""
        return self._awaited.timestamp

    @property
    def tokens(self) -> tuple[str, ...]:
        """The market's two tokens."""
        return tuple(self.depth().depths)


class SyncMine:
    """The own open orders and balances; see `Mine`."""

    def __init__(self, thread: LoopThread, mine: Mine) -> None:
        self._thread = thread
        self._awaited = mine

    def __enter__(self) -> Self:
        self._thread.run(self._awaited.__aenter__())
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.run(self._awaited.__aexit__(exc_type, exc, traceback))

    live = blocking(Mine.live)
    changes = iterating(Mine.changes)

    @property
    def is_live(self) -> bool:
        """Whether it can be believed: it is whole, and the connection is there."""
        return self._awaited.is_live

    @property
    def update_ids(self) -> tuple[int, ...]:
        """The user's update that it shows, of each shard."""
        return self._awaited.update_ids

    @property
    def orders(self) -> dict[str, Order]:
        """The open orders by id, as they are now."""

        async def read() -> dict[str, Order]:
            return self._awaited.orders

        return self._thread.run(read())

    @property
    def balances(self) -> dict[str, Balance]:
        """What is held of `cash` and of tokens, by asset, over all shards."""

        async def read() -> dict[str, Balance]:
            return self._awaited.balances

        return self._thread.run(read())
