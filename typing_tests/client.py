"""The client's calls have their types, with and without `await`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import assert_type

from pmengine.client import (
    Account,
    Book,
    BookChange,
    Client,
    ClientError,
    LedgerLine,
    Level,
    Mine,
    NewOrder,
    Order,
    OwnChange,
    PlacedOrder,
    SyncBook,
    SyncClient,
    SyncMine,
    Trade,
)


async def with_await(client: Client, order: NewOrder, book: Book, mine: Mine) -> None:
    assert_type(await client.place(order), PlacedOrder)
    assert_type(await client.place_many([order]), list[PlacedOrder | ClientError])
    assert_type((await client.account()).cash.available, Decimal)
    assert_type(client.orders(status="active"), AsyncIterator[Order])
    assert_type(client.ledger(kind="fee"), AsyncIterator[LedgerLine])
    assert_type(client.book(1, 1), Book)
    assert_type(client.mine(), Mine)
    assert_type(book.best_bid("y1"), Level | None)
    assert_type(book.changes(), AsyncIterator[BookChange])
    assert_type(book.trades(), AsyncIterator[Trade])
    assert_type(mine.changes(), AsyncIterator[OwnChange])
    await client.place("o1")  # type: ignore[arg-type]


def without_await(client: SyncClient, order: NewOrder, book: SyncBook, mine: SyncMine) -> None:
    assert_type(client.place(order), PlacedOrder)
    assert_type(client.place_many([order]), list[PlacedOrder | ClientError])
    assert_type(client.account(), Account)
    assert_type(client.orders(status="active"), Iterator[Order])
    assert_type(client.book(1, 1), SyncBook)
    assert_type(client.mine(), SyncMine)
    assert_type(book.best_bid("y1"), Level | None)
    assert_type(book.changes(), Iterator[BookChange])
    assert_type(mine.changes(), Iterator[OwnChange])
    client.cancel(1)  # type: ignore[arg-type]
