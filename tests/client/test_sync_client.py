"""The client without `await` is the same client."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import pytest

from pmengine.client import Client, ClientClosed, PlacedOrder, Refused, SyncClient
from tests.client.orders import buy
from tests.gateways.exchange import Running

T = TypeVar("T")
THREAD = "pmengine-client"


async def in_a_thread(call: Callable[[], T]) -> T:
    """A script beside the loop on which the exchange runs."""
    return await asyncio.to_thread(call)


def test_every_call_of_the_client_is_there_with_its_arguments() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(one).parameters)
            for name, one in inspect.getmembers(kind, callable)
            if not name.startswith("_")
        }

    assert public(SyncClient) == public(Client)


async def test_orders_lists_and_feeds_are_answered_without_await(running: Running) -> None:
    def script() -> None:
        with SyncClient(running.url, user_id="u1") as client:
            with client.book(1, 1) as book, client.mine() as mine:
                changes, own_changes = book.changes(), mine.changes()
                placed = client.place(buy(price="0.45"))
                change = next(one for one in changes if one.kind == "delta")
                assert change.update_id == book.update_id
                best = book.best_bid("y1")
                assert best is not None
                assert best.price == Decimal("0.45")
                assert book.depth() == client.depth(1, 1)
                assert book.tokens == ("y1", "n1")
                own = (
                    next(one for one in mine.changes() if one.order_id) if not mine.orders else None
                )
                assert own is None or own.order_id == placed.order.id
                assert mine.orders.keys() == {placed.order.id}
                next(one for one in own_changes if one.balance is not None)
                assert mine.balances["cash"].frozen == Decimal("0.45")
            assert list(changes) == []
            for _ in range(4):
                client.place(buy(price="0.1"))
            found = [one.price for one in client.orders(page_size=2)]
            assert found == [Decimal("0.45"), *[Decimal("0.1")] * 4]
            (answer,) = client.place_many([buy()])
            assert isinstance(answer, PlacedOrder)
            with pytest.raises(Refused, match="UNKNOWN_EVENT"):
                client.event(99)

    await in_a_thread(script)
    assert [one for one in threading.enumerate() if one.name == THREAD] == []


async def test_it_is_used_inside_of_with_and_by_several_threads(running: Running) -> None:
    def script() -> list[PlacedOrder]:
        client = SyncClient(running.url, user_id="u1")
        with pytest.raises(ClientClosed):
            client.account()
        placed: list[PlacedOrder] = []
        with client:
            threads = [
                threading.Thread(target=lambda: placed.append(client.place(buy())))
                for _ in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        with pytest.raises(ClientClosed):
            client.account()
        return placed

    placed = await in_a_thread(script)
    assert len({one.order.id for one in placed}) == 8


async def test_who_waits_for_a_change_is_told_that_the_client_was_closed(running: Running) -> None:
    def script() -> list[type[BaseException]]:
        ended: list[type[BaseException]] = []
        begun = threading.Event()

        def watch() -> None:
            changes = book.changes()
            begun.set()
            try:
                list(changes)
            except ClientClosed as error:
                ended.append(type(error))

        with SyncClient(running.url, user_id="u1") as client:
            book = client.book(1, 1)
            book.__enter__()
            thread = threading.Thread(target=watch)
            thread.start()
            begun.wait()
        thread.join()
        return ended

    assert await in_a_thread(script) == [ClientClosed]
