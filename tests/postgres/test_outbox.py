"""The notes that writes leave, and the messages between processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import attrs
import psycopg
import pytest

from pmstore.backends.postgres import (
    PostgresAccountStore,
    PostgresClient,
    PostgresConfig,
    PostgresEventStore,
    PostgresOrderStore,
    PostgresTradeStore,
)
from pmstore.errors import LimitExceeded, VersionConflict
from pmstore.models.position import Position
from pmstore.models.units import INTEGER_MAX
from pmstore.plugin import config_from
from pmstore.protocols.outbox import CACHES, TRADES, Note, Outbox
from pmstore.testing.samples import START_MS, balance, event, order, trade
from pmstore.testing.servers import PostgresServer
from pmstore.url import parse_url

Plain = psycopg.Connection[tuple[object, ...]]


async def noted(outbox: Outbox[object], reader: str = CACHES) -> list[tuple[object, int]]:
    return [(note.key, note.least) for note in await outbox.notes(reader, 100)]


async def test_every_change_of_orders_leaves_a_note(config: PostgresConfig) -> None:
    """A save notes its version, a remove one more; what took no effect notes nothing."""
    async with PostgresOrderStore(config) as orders:
        await orders.save([order(0)])
        assert await noted(orders.outbox) == []
        assert await orders.outbox.keep(CACHES)
        assert not await orders.outbox.keep(CACHES)
        await orders.save([order(1, version=3), order(2)])
        await orders.save([order(1, version=2), order(2)])
        with pytest.raises(VersionConflict):
            await orders.save([order(2, price=1), order(3)])
        await orders.remove([("order_1", 3), ("order_9", INTEGER_MAX)])
        await orders.apply([order(4, version=7)], source="log", position=Position(1, 0))
        await orders.apply([order(4, version=8)], source="log", position=Position(1, 0))
        assert await noted(orders.outbox) == [
            ("order_1", 3),
            ("order_2", 1),
            ("order_1", 4),
            ("order_9", INTEGER_MAX + 1),
            ("order_4", 7),
        ]


async def test_each_kind_of_store_has_its_own_notes(config: PostgresConfig) -> None:
    """Keys are those of the contract; readers and kinds of stores do not see each other's."""
    async with (
        PostgresOrderStore(config) as orders,
        PostgresAccountStore(config) as accounts,
        PostgresEventStore(config) as events,
        PostgresTradeStore(config) as trades,
    ):
        for store in (accounts, events, trades):
            await store.outbox.keep(CACHES)
        await trades.outbox.keep("sink")
        await orders.save([order(1)])
        await accounts.save([balance('u"ser', "cash", 4)])
        await events.save([(event(7), 2)])
        await trades.append([trade(3), trade(1), trade(2)])
        await trades.append([trade(2)])
        assert await noted(orders.outbox) == []
        assert await noted(accounts.outbox) == [(('u"ser', "cash"), 4)]
        assert await noted(events.outbox) == [(7, 2)]
        assert await noted(trades.outbox) == [(TRADES, START_MS + 1)]
        assert await noted(trades.outbox, "sink") == [(TRADES, START_MS + 1)]
        await trades.outbox.keep("sink", False)
        assert await noted(trades.outbox, "sink") == []
        await trades.append([trade(9)])
        assert len(await noted(trades.outbox)) == 2
        assert await noted(trades.outbox, "sink") == []


async def test_notes_are_forgotten_one_by_one_or_buried(config: PostgresConfig) -> None:
    """Only the named notes go; one about everything takes their place; dead ones stay aside."""
    async with PostgresOrderStore(config) as orders:
        outbox = orders.outbox
        await outbox.keep(CACHES)
        await orders.save([order(number) for number in range(4)])
        first, second, third, fourth = await outbox.notes(CACHES, 10)
        assert first.seq < second.seq < third.seq < fourth.seq
        assert [note.key for note in await outbox.notes(CACHES, 2)] == ["order_0", "order_1"]
        assert (await outbox.backlog(CACHES)).depth == 4
        await outbox.forget(CACHES, [second, second])
        await outbox.forget(CACHES, [second])
        await outbox.bury(CACHES, [third], "sink\x00 said no")
        assert [note.key for note in await outbox.notes(CACHES, 10)] == ["order_0", "order_3"]
        assert await outbox.notes(CACHES, 10, dead=True) == [
            Note(third.seq, "order_2", 1, "sink  said no")
        ]
        backlog = await outbox.backlog(CACHES)
        assert backlog.depth == 2
        assert 0 <= backlog.lag_s < 60
        await outbox.forget(CACHES, [first, fourth], everything=True)
        assert await noted(outbox) == [(None, 0)]
        assert (await outbox.backlog("nobody")).depth == 0


async def test_a_write_under_way_when_notes_begin_is_waited_for(
    config: PostgresConfig, plain: Plain
) -> None:
    """`keep` returns after every transaction that could still commit without a note."""
    async with PostgresOrderStore(config) as orders:
        with plain.transaction():
            # As a save of ours that has looked who wants notes, and is not committed.
            plain.execute("SELECT FROM note_gate FOR KEY SHARE")
            keeping = asyncio.ensure_future(orders.outbox.keep(CACHES))
            while not plain.execute(
                "SELECT FROM pg_locks WHERE NOT granted AND relation = 'note_gate'::regclass"
            ).fetchall():
                await asyncio.sleep(0.01)
            saving = asyncio.ensure_future(orders.save([order(1)]))
            await asyncio.sleep(0.05)
            assert not keeping.done()
        assert await keeping
        await saving
        assert await noted(orders.outbox) == [("order_1", 1)]


async def test_what_took_effect_is_answered(config: PostgresConfig) -> None:
    """`save_noted` answers the keys that hold what was sent: new, newer, or the same again."""
    async with (
        PostgresOrderStore(config) as orders,
        PostgresAccountStore(config) as accounts,
        PostgresEventStore(config) as events,
    ):
        assert await orders.save_noted([]) == frozenset()
        await orders.save([order(1), order(2, version=5)])
        await orders.remove([("order_3", 9)])
        answered = await orders.save_noted(
            [order(1), order(2, version=4), order(3, version=9), order(4)]
        )
        assert answered == {"order_1", "order_4"}
        assert await orders.load(["order_1", "order_9"]) == {"order_1": order(1)}
        assert await accounts.save_noted([balance("u", "cash", 2)]) == {("u", "cash")}
        assert await accounts.save_noted([balance("u", "cash", 1)]) == frozenset()
        assert await events.save_noted([(event(1), 3)]) == {1}
        assert await events.save_noted([(event(1, exclusive=True), 2)]) == frozenset()
        assert await events.load([1, 2]) == {1: (event(1), 3)}


async def test_messages_come_to_everybody_in_one_order(config: PostgresConfig) -> None:
    """Every subscriber, the publisher too, gets each message once and in the same order."""
    async with (
        PostgresOrderStore(config) as orders,
        PostgresTradeStore(PostgresClient(config)) as trades,
        orders.channel.subscribe() as first,
        trades.channel.subscribe() as second,
    ):
        await orders.channel.publish(["a", "a", "é 2", ""])
        await asyncio.gather(
            *(
                store.channel.publish([f"{number}", "x"])
                for number in range(9)
                for store in (orders, trades)
            )
        )
        long = "ü" * (orders.channel.payload_max // 2)
        await trades.channel.publish([long])
        seen = [[await one.receive() for _ in range(41)] for one in (first, second)]
        assert seen[0] == seen[1]
        assert seen[0][:4] == ["a", "a", "é 2", ""]
        assert seen[0][5::2][:18] == ["x"] * 18
        assert seen[0][-1] == long
        with pytest.raises(LimitExceeded):
            await trades.channel.publish(["a", long + "ü"])


async def test_schemas_do_not_hear_each_other(config: PostgresConfig) -> None:
    """A message stays in its schema."""
    other = attrs.evolve(config, schema=f"{config.schema} 2")
    async with (
        PostgresOrderStore(config) as orders,
        PostgresOrderStore(other) as others,
        orders.channel.subscribe() as mine,
    ):
        await others.channel.publish(["theirs"])
        await orders.channel.publish(["mine"])
        assert await mine.receive() == "mine"


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("own")) as server:
        yield server


async def test_a_lost_connection_is_told_once_and_replaced(own_server: PostgresServer) -> None:
    """After a restart a subscriber gets None once, and then what is published from then on."""
    config = config_from(PostgresConfig, parse_url(own_server.url))
    async with PostgresOrderStore(config) as orders, orders.channel.subscribe() as subscription:
        await orders.channel.publish(["before"])
        assert await subscription.receive() == "before"
        own_server.restart()
        assert await subscription.receive() is None
        receiving = asyncio.ensure_future(subscription.receive())
        while not receiving.done():
            await orders.channel.publish(["after"])
            await asyncio.sleep(0.05)
        assert await receiving == "after"


async def test_a_subscriber_that_is_too_slow_is_told(config: PostgresConfig) -> None:
    """Of more messages than wait for it, a slow subscriber gets None and the newest."""
    async with PostgresOrderStore(config) as orders, orders.channel.subscribe() as subscription:
        for _ in range(3):
            await orders.channel.publish([str(number) for number in range(5000)])
        await orders.channel.publish(["last"])
        # It takes messages in while nobody receives; wait until it dropped some.
        while None not in subscription._waiting or subscription._waiting[-1] != "last":
            await asyncio.sleep(0.01)
        seen: list[str | None] = []
        while "last" not in seen:
            seen.append(await subscription.receive())
        assert None in seen
        assert seen.count(None) == 1
