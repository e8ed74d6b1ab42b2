"""The notes that writes to a database file leave, and the messages between its users."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pmstore.backends.sqlite import (
    SqliteAccountStore,
    SqliteEventStore,
    SqliteOrderStore,
    SqliteTradeStore,
)
from pmstore.errors import LimitExceeded, StoreClosed, VersionConflict
from pmstore.models.position import Position
from pmstore.models.units import INTEGER_MAX
from pmstore.protocols.outbox import CACHES, TRADES, Outbox
from pmstore.testing import ManualClock
from pmstore.testing.samples import START_MS, balance, event, order, trade

DEADLINE_S = 60.0
PUBLISH = """
import asyncio, sys
from pmstore.backends.sqlite import SqliteOrderStore
from pmstore.testing.samples import order

async def main():
    async with SqliteOrderStore(sys.argv[1]) as orders:
        await orders.save([order(7)])
        await orders.channel.publish(["from elsewhere", "\\N{BLACK CHESS QUEEN}"])

asyncio.run(main())
"""


async def noted(outbox: Outbox[object], reader: str = CACHES) -> list[tuple[object, int]]:
    return [(note.key, note.least) for note in await outbox.notes(reader, 100)]


async def test_every_change_of_orders_leaves_a_note(tmp_path: Path) -> None:
    """A save notes its version, a remove one more; what took no effect notes nothing."""
    async with SqliteOrderStore(tmp_path / "x.db") as orders:
        await orders.save([order(0)])
        assert await noted(orders.outbox) == []
        assert await orders.outbox.keep(CACHES)
        assert not await orders.outbox.keep(CACHES)
        await orders.save([order(1, version=3), order(2)])
        await orders.save([order(1, version=2), order(2)])
        with pytest.raises(VersionConflict):
            await orders.save([order(2, price=1), order(3)])
        await orders.remove([("order_1", 3), ("order_9", INTEGER_MAX)])
        await orders.save([order(9)])
        await orders.apply([order(4, version=7)], source="log", position=Position(1, 0))
        await orders.apply([order(4, version=8)], source="log", position=Position(1, 0))
        assert await noted(orders.outbox) == [
            ("order_1", 3),
            ("order_2", 1),
            ("order_1", 4),
            ("order_9", INTEGER_MAX + 1),
            ("order_4", 7),
        ]


async def test_a_noted_save_answers_what_took_effect(tmp_path: Path) -> None:
    """What holds what was sent is named, known or new; what is older or removed is not."""
    async with SqliteOrderStore(tmp_path / "x.db") as orders:
        await orders.save([order(1, version=5), order(2)])
        await orders.remove([("order_3", 9)])
        answer = await orders.save_noted([order(number) for number in range(1, 5)])
        assert answer == {"order_2", "order_4"}
        assert await orders.save_noted([]) == frozenset()
        assert set(await orders.load(["order_1", "order_3"])) == {"order_1"}


async def test_notes_are_those_of_their_store_and_reader(tmp_path: Path) -> None:
    """Keys are those of the contract; kinds of stores and readers do not see each other's."""
    file = tmp_path / "x.db"
    key = ("us er", 'to"ken\\')
    async with (
        SqliteOrderStore(file) as orders,
        SqliteAccountStore(file) as accounts,
        SqliteEventStore(file) as events,
        SqliteTradeStore(file) as trades,
    ):
        for store in (orders, accounts, events, trades):
            await store.outbox.keep(CACHES)
        await accounts.outbox.keep("sink")
        await accounts.save([balance(*key, version=4)])
        await events.save([(event(3), 9)])
        await trades.append([trade(2), trade(1)])
        await trades.append([trade(2)])
        assert await noted(orders.outbox) == []
        assert await noted(accounts.outbox) == [(key, 4)]
        assert await noted(accounts.outbox, "sink") == [(key, 4)]
        assert await noted(events.outbox) == [(3, 9)]
        assert await noted(trades.outbox) == [(TRADES, START_MS + 1)]
        (note,) = await accounts.outbox.notes(CACHES, 1)
        await accounts.outbox.forget("sink", [note])
        await orders.outbox.forget(CACHES, [note])
        assert await noted(accounts.outbox) == [(key, 4)]
        assert await events.load([3, 4]) == {3: (event(3), 9)}


async def test_notes_are_forgotten_buried_and_counted(tmp_path: Path) -> None:
    """Exactly the named notes go; the dead stay with their reason; numbers never come again."""
    clock = ManualClock()
    async with SqliteOrderStore(tmp_path / "x.db", clock=clock) as orders:
        outbox = orders.outbox
        await outbox.keep(CACHES)
        for number in range(4):
            await orders.save([order(number)])
            clock.move(1)
        first, second, third, last = await outbox.notes(CACHES, 100)
        assert [note.key for note in await outbox.notes(CACHES, 2)] == ["order_0", "order_1"]
        backlog = await outbox.backlog(CACHES)
        assert (backlog.depth, backlog.lag_s) == (4, 4.0)
        await outbox.forget(CACHES, [second, second])
        await outbox.bury(CACHES, [first], "too old")
        assert await outbox.notes(CACHES, 100) == [third, last]
        (dead,) = await outbox.notes(CACHES, 100, dead=True)
        assert dead == first._replace(reason="too old")
        await outbox.forget(CACHES, [third, last], everything=True)
        (everything,) = await outbox.notes(CACHES, 100)
        assert (everything.key, everything.least) == (None, 0)
        assert everything.seq > last.seq
        await outbox.forget(CACHES, [everything])
        assert (await outbox.backlog(CACHES)).depth == 0
        await orders.save([order(9)])
        (note,) = await outbox.notes(CACHES, 100)
        assert note.seq > everything.seq
        assert await outbox.keep(CACHES, False)
        assert not await outbox.keep(CACHES, False)
        assert await outbox.notes(CACHES, 100, dead=True) == []
        await orders.save([order(10)])
        assert await noted(outbox) == []


async def test_notes_outlive_their_writer(tmp_path: Path) -> None:
    """A process that knows nothing of caches writes notes for those who keep them."""
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file) as orders:
        await orders.outbox.keep(CACHES)
    subprocess.run([sys.executable, "-c", PUBLISH, str(file)], check=True)
    async with SqliteOrderStore(file) as orders:
        assert await noted(orders.outbox) == [("order_7", 1)]


async def test_messages_come_in_one_order_to_everybody(tmp_path: Path) -> None:
    """Two subscribers see the same order, also of messages of another process."""
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file) as orders, SqliteTradeStore(file) as trades:
        await orders.channel.publish(["before anybody listened"])
        async with orders.channel.subscribe() as one, trades.channel.subscribe() as other:
            await asyncio.gather(
                *(
                    store.channel.publish([f"{name} {number}", f"{name} {number}b"])
                    for number in range(20)
                    for name, store in (("orders", orders), ("trades", trades))
                )
            )
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", PUBLISH, str(file))
            assert await child.wait() == 0
            async with asyncio.timeout(DEADLINE_S):
                seen = [await one.receive() for _ in range(82)]
                assert [await other.receive() for _ in range(82)] == seen
            assert seen[-2:] == ["from elsewhere", "\N{BLACK CHESS QUEEN}"]
            assert len(set(seen)) == 82
            for number in range(20):
                at = seen.index(f"orders {number}")
                assert seen[at + 1] == f"orders {number}b"


async def test_messages_that_were_deleted_unseen_are_said_to_be_missing(tmp_path: Path) -> None:
    """Messages are kept for a minute; who was away for longer hears of a loss, once."""
    clock = ManualClock()
    file = tmp_path / "x.db"
    async with SqliteOrderStore(file, clock=clock) as orders:
        with closing(sqlite3.connect(file)) as connection:
            async with orders.channel.subscribe() as subscription:
                # In one transaction: no look of the subscriber comes between.
                with connection:
                    for number in range(3):
                        connection.execute(
                            "INSERT INTO messages (payload, sent_ms) VALUES (?, ?)",
                            (f"{number}", clock()),
                        )
                    connection.execute("DELETE FROM messages WHERE payload = '1'")
                async with asyncio.timeout(DEADLINE_S):
                    assert [await subscription.receive() for _ in range(3)] == ["0", None, "2"]
            clock.move(100)
            await orders.channel.publish(["x"])
            rows = connection.execute("SELECT payload FROM messages").fetchall()
            assert rows == [("x",)]


async def test_a_message_has_a_limit_and_a_closed_store_carries_none(tmp_path: Path) -> None:
    async with SqliteOrderStore(tmp_path / "x.db") as orders:
        most = orders.channel.payload_max
        assert most >= 1000
        async with orders.channel.subscribe() as subscription:
            with pytest.raises(LimitExceeded):
                await orders.channel.publish(["a", "\u00e9" * (most // 2 + 1)])
            await orders.channel.publish(["\u00e9" * (most // 2)])
            async with asyncio.timeout(DEADLINE_S):
                assert await subscription.receive() == "\u00e9" * (most // 2)
    with pytest.raises(StoreClosed):
        await orders.channel.publish(["x"])
    with pytest.raises(StoreClosed):
        await orders.outbox.notes(CACHES, 1)
    with pytest.raises(StoreClosed):
        async with orders.channel.subscribe():
            pass
