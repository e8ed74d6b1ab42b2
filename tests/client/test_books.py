"""A mirrored book is the exchange's book whenever it says that it is live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from pmengine.client import (
    Book,
    BookChange,
    Client,
    ClientClosed,
    Depth,
    NewMarket,
    Refused,
    Trade,
    Unavailable,
    UnreadableAnswer,
)
from pmstore.testing import FaultProxy, Script
from tests.client.hops import hop
from tests.client.orders import buy
from tests.gateways.exchange import Running

WAIT_S = 60.0


async def caught_up(book: Book, client: Client) -> None:
    """The book becomes live and what `GET /depth` shows."""
    async with asyncio.timeout(WAIT_S):
        while True:
            depth = await client.depth(1, 1)
            if book.is_live and book.update_id >= depth.update_id:
                break
            await asyncio.sleep(0.01)
    assert book.depth() == depth


async def change_of(changes: AsyncIterator[BookChange], kind: str) -> BookChange:
    """The next change of a kind."""
    async with asyncio.timeout(WAIT_S):
        async for change in changes:
            if change.kind == kind:
                return change
    raise AssertionError("the changes ended")


async def trade_at_random(client: Client, chance: Random, count: int) -> None:
    """Orders of u1 on both sides and both tokens, some of which meet."""
    for _ in range(count):
        await client.place(
            buy(
                token_id=chance.choice(["y1", "n1"]),
                side=chance.choice(["buy", "sell"]),
                price=Decimal(chance.randint(40, 60)) / 100,
                quantity=chance.randint(1, 3),
                self_trade="none",
            )
        )


async def test_a_book_follows_every_change(client: Client) -> None:
    async with client.book(1, 1) as book:
        assert book.is_live
        assert book.tokens == ("y1", "n1")
        assert book.depth() == await client.depth(1, 1)
        changes = book.changes()
        await client.place(buy(price="0.45", quantity="2.5"))
        change = await change_of(changes, "delta")
        assert (change.update_id, change.missed) == (book.update_id, False)
        bid, ask = book.best_bid("y1"), book.best_ask("n1")
        assert bid is not None
        assert ask is not None
        assert (bid.price, bid.total_quantity) == (Decimal("0.45"), Decimal("2.5"))
        assert (ask.price, book.best_ask("y1")) == (Decimal("0.55"), None)
        await trade_at_random(client, Random(5), 30)
        await caught_up(book, client)
        assert book.last_price("y1") == (await client.depth(1, 1)).depths["y1"].latest_trade_price


async def test_many_books_share_one_connection(running: Running) -> None:
    port = int(running.url.rpartition(":")[2])
    with FaultProxy("127.0.0.1", port) as proxy:
        async with (
            Client(f"http://127.0.0.1:{proxy.port}") as client,
            client.book(1, 1) as first,
            client.book(1, 2) as second,
            client.book(1, 1) as again,
        ):
            assert proxy.connections == 1
            assert first.tokens == again.tokens != second.tokens
            async with client.book(1, 2) as more:
                assert more.is_live
            assert second.is_live


async def test_a_gap_is_seen_and_healed_by_a_snapshot(client: Client, running: Running) -> None:
    async with (
        hop(running.url) as between,
        Client(between.url) as watcher,
        watcher.book(1, 1) as book,
    ):
        changes = book.changes()
        between.pass_as = lambda said: (
            None if said["type"] == "delta" and not between.changed else said
        )
        await client.place(buy(price="0.41"))
        await client.place(buy(price="0.42"))
        await change_of(changes, "stale")
        healed = await change_of(changes, "snapshot")
        assert healed.missed
        await caught_up(book, client)
        assert between.changed == 1
        assert [one["action"] for one in between.asked] == ["subscribe", "snapshot"]


async def test_a_market_that_cannot_be_shown_now_is_asked_for_again(running: Running) -> None:
    async with hop(running.url) as between, Client(between.url) as watcher:

        def not_now(said: dict[str, Any]) -> dict[str, Any] | None:
            if between.changed > 1 or said["type"] not in ("subscribed", "snapshot"):
                return said
            if said["type"] == "snapshot":
                return None
            return {**said, "type": "subscribe_error", "code": "HISTORY_BEHIND", "detail": "-"}

        between.pass_as = not_now
        async with watcher.book(1, 1) as book:
            assert book.is_live
        asked = [one["action"] for one in between.asked]
        assert asked[:3] == ["subscribe", "subscribe", "snapshot"]


async def test_kinds_and_fields_of_later_exchanges_are_passed_over_and_nonsense_is_not(
    client: Client, running: Running
) -> None:
    async with hop(running.url) as between, Client(between.url) as watcher:

        def later(said: dict[str, Any]) -> dict[str, Any]:
            if said["type"] == "subscribed":
                return {"type": "weather", "rain": True}
            return {**said, "v": 7}

        between.pass_as = later
        async with watcher.book(1, 1) as book:
            changes = book.changes()
            between.pass_as = lambda said: {**said, "update_id": "many"}
            await client.place(buy())
            with pytest.raises(UnreadableAnswer):
                await change_of(changes, "delta")
            assert not book.is_live


async def test_more_books_than_a_connection_takes_are_on_a_second_one(
    client: Client, running: Running
) -> None:
    count = 101
    markets = {id: NewMarket(token_ids=(f"a{id}", f"b{id}")) for id in range(1, count + 1)}
    await client.add_event(5, markets)
    port = int(running.url.rpartition(":")[2])
    with FaultProxy("127.0.0.1", port) as proxy:
        async with (
            Client(f"http://127.0.0.1:{proxy.port}", deadline_s=90) as watcher,
            AsyncExitStack() as books,
        ):
            for id in markets:
                book = await books.enter_async_context(watcher.book(5, id))
                assert book.tokens == markets[id].token_ids
            assert proxy.connections == 2


async def test_what_is_cut_or_held_is_stale_until_it_is_whole_again(
    client: Client, running: Running
) -> None:
    port = int(running.url.rpartition(":")[2])
    with FaultProxy("127.0.0.1", port) as proxy:
        async with (
            Client(f"http://127.0.0.1:{proxy.port}", silence_s_max=1.0) as watcher,
            watcher.book(1, 1) as book,
        ):
            changes = book.changes()
            for fault in ("cut", "refuse", "hold", "slow"):
                if fault == "cut":
                    proxy.cut()
                elif fault == "refuse":
                    proxy.refuse()
                    proxy.cut()
                elif fault == "hold":
                    proxy.play(Script(hold_answers=True))
                else:
                    proxy.play(Script(delay_s=0.05))
                await trade_at_random(client, Random(len(fault)), 5)
                if fault != "slow":
                    await change_of(changes, "stale")
                if fault in ("refuse", "hold"):
                    assert not book.is_live
                proxy.heal()
                await caught_up(book, client)
                if fault != "slow":
                    assert (await change_of(changes, "snapshot")).missed


async def test_whenever_it_says_that_it_is_live_it_is_the_book_of_its_update(
    client: Client, running: Running
) -> None:
    port = int(running.url.rpartition(":")[2])
    seed = Random().randrange(2**32)
    print(f"seed {seed}")
    chance = Random(seed)
    mirrored: dict[int, Depth] = {}
    right: dict[int, Depth] = {}
    with FaultProxy("127.0.0.1", port) as proxy:
        async with (
            Client(f"http://127.0.0.1:{proxy.port}") as watcher,
            watcher.book(1, 1) as book,
        ):

            async def watch() -> None:
                async for _ in book.changes():
                    if book.is_live:
                        mirrored[book.update_id] = book.depth()

            async def ask() -> None:
                while True:
                    depth = await client.depth(1, 1)
                    right[depth.update_id] = depth

            tasks = [asyncio.create_task(one) for one in (watch(), ask())]
            for _ in range(8):
                await trade_at_random(client, chance, 6)
                if chance.random() < 0.4:
                    proxy.cut()
                elif chance.random() < 0.5:
                    proxy.play(Script(cut_answers_after=chance.randint(0, 4000)))
            proxy.heal()
            await caught_up(book, client)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    both = mirrored.keys() & right.keys()
    assert len(both) > 2
    for update_id in both:
        assert mirrored[update_id] == right[update_id]


async def test_trades_are_told_once_each_also_over_a_lost_connection(
    client: Client, running: Running
) -> None:
    port = int(running.url.rpartition(":")[2])
    await trade_at_random(client, Random(1), 10)
    told: list[Trade] = []
    with FaultProxy("127.0.0.1", port) as proxy:
        async with (
            Client(f"http://127.0.0.1:{proxy.port}") as watcher,
            watcher.book(1, 1) as book,
        ):
            before = [one.trade_id async for one in client.trades(event_id=1)]

            async def watch() -> None:
                async for trade in book.trades():
                    told.append(trade)

            watching = asyncio.create_task(watch())
            made: list[int] = []
            async with asyncio.timeout(WAIT_S):
                while not told:  # until it watches, trades may be before it
                    await trade_at_random(client, Random(2), 5)
                    await asyncio.sleep(0.01)
                for _ in range(3):
                    await trade_at_random(client, Random(3), 5)
                    proxy.cut()
                    await trade_at_random(client, Random(4), 5)
                made = [one.trade_id async for one in client.trades(event_id=1)]
                while told[-1].trade_id < made[0]:
                    await trade_at_random(client, Random(6), 1)
                    await asyncio.sleep(0.01)
            watching.cancel()
    ids = [one.trade_id for one in told]
    assert ids[0] not in before
    made = [one.trade_id async for one in client.trades(event_id=1)]
    expected = [id for id in reversed(made) if ids[0] <= id <= ids[-1]]
    assert ids == expected


async def test_a_market_that_is_not_there_is_said(client: Client) -> None:
    with pytest.raises(Refused) as refused:
        async with client.book(1, 99):
            pass
    assert (refused.value.status, refused.value.code) == (404, "UNKNOWN_MARKET")


async def test_who_iterates_too_slowly_is_told_so_and_the_book_is_right(client: Client) -> None:
    async with client.book(1, 1, changes_max=3) as book:
        changes = book.changes()
        await trade_at_random(client, Random(7), 10)
        await caught_up(book, client)
        first = await anext(changes)
        assert first.missed
        assert book.depth() == await client.depth(1, 1)


async def test_iterating_ends_with_the_book_and_fails_with_the_client(running: Running) -> None:
    async with Client(running.url) as client:
        async with client.book(1, 1) as book:
            changes = book.changes()
        assert [one async for one in changes] == []
        with pytest.raises(ClientClosed):
            book.depth()
        book = client.book(1, 1)
        await book.__aenter__()
        changes = book.changes()
    with pytest.raises(ClientClosed, match="was closed"):
        await change_of(changes, "delta")


async def test_a_feed_that_nobody_serves_says_why_it_is_not_live() -> None:
    async with await asyncio.start_server(
        lambda reader, writer: writer.close(), "127.0.0.1"
    ) as deaf:
        port = deaf.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        async with Client(url, user_id="u1", deadline_s=0.5) as client:
            for feed, path in ((client.book(1, 1), "depth"), (client.mine(), "user")):
                with pytest.raises(Unavailable, match=f"ws://127.0.0.1:{port}/{path}: .*response"):
                    await feed.__aenter__()
