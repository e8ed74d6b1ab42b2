"""What two writers of the same rows at the same moment see, forced with locks of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import attrs
import psycopg
import pytest

from pmstore.backends.postgres import (
    PostgresAccountStore,
    PostgresClient,
    PostgresConfig,
    PostgresOrderStore,
    PostgresTradeStore,
)
from pmstore.errors import VersionConflict
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.query import OrderQuery, TradeQuery
from pmstore.protocols import Applied
from pmstore.testing.samples import balance, order, trade

Plain = psycopg.Connection[tuple[object, ...]]


async def started(plain: Plain, call: Coroutine[Any, Any, Any]) -> Any:
    """The task of *call*, once the server says that a statement waits for a lock."""
    task = asyncio.ensure_future(call)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        await asyncio.sleep(0.01)
        # Inside a transaction the server would show the same picture again.
        plain.execute("SELECT pg_stat_clear_snapshot()")
        row = plain.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND application_name = 'pmstore'"
        ).fetchone()
        if task.done() or (row is not None and row[0] == 1):
            return task
    raise AssertionError("no statement waits for a lock")


def insert(plain: Plain, order_id: str, version: int, price: int = 5000) -> None:
    """Bring an order as another program would."""
    plain.execute(
        "INSERT INTO orders SELECT %s, 0, 0, 'token_0', 'Sell', 'Limit', 100, %s, 'New', 0, 100, "
        "1700000000000, 'user_0', 0, %s, 'gtc', NULL, false, NULL, 0, 0, 'cancel_taker', NULL, "
        "NULL, 0, 0",
        [order_id, price, version],
    )


async def test_a_save_that_met_a_remove_under_way_sees_its_tombstone(
    config: PostgresConfig, plain: Plain
) -> None:
    """A save that began before a remove was committed, of an id never seen, does not live."""
    async with PostgresOrderStore(config) as orders:
        with plain.transaction():
            plain.execute(
                "SELECT remove_orders(ARRAY['order_0'], ARRAY[5::bigint], 0, 1::bigint << 62)"
            )
            saving = await started(plain, orders.save([order(0, version=5), order(1)]))
            assert not saving.done()
        await saving
        assert set(await orders.get(["order_0", "order_1"])) == {"order_1"}
        await orders.save([order(0, version=6)])
        assert set(await orders.get(["order_0"])) == {"order_0"}


async def test_a_remove_takes_what_a_save_under_way_brings(
    config: PostgresConfig, plain: Plain
) -> None:
    """A remove that began before a save of a new id was committed removes that order."""
    async with PostgresOrderStore(config) as orders:
        with plain.transaction():
            plain.execute("SELECT FROM order_gate FOR KEY SHARE")
            insert(plain, "order_0", 3, 5000)
            removing = await started(plain, orders.remove([("order_0", 4)]))
            assert not removing.done()
        assert await removing == 1
        assert await orders.get(["order_0"]) == {}


@pytest.mark.parametrize(("version", "kept"), [(4, 5), (6, 6)])
async def test_of_two_saves_of_a_new_id_the_higher_version_stays(
    config: PostgresConfig, plain: Plain, version: int, kept: int
) -> None:
    """A save of an id that another transaction just brings is judged against that."""
    async with PostgresOrderStore(config) as orders:
        with plain.transaction():
            insert(plain, "order_0", 5, 5000)
            saving = await started(plain, orders.save([order(0, version=version), order(1)]))
            assert not saving.done()
        await saving
        assert (await orders.get(["order_0"]))["order_0"].version == kept
        assert set(await orders.get(["order_1"])) == {"order_1"}


async def test_the_same_version_that_another_is_just_bringing_conflicts(
    config: PostgresConfig, plain: Plain
) -> None:
    """Two writers of one version with other content: the second is refused with its whole batch."""
    async with PostgresOrderStore(config) as orders:
        with plain.transaction():
            insert(plain, "order_1", 1, 4000)
            saving = await started(plain, orders.save([order(0), order(1), order(2)]))
            assert not saving.done()
        with pytest.raises(VersionConflict, match="order_1"):
            await saving
        assert [one.price for one in (await orders.find(OrderQuery())).items] == [4000]


async def test_two_appends_of_one_trade_keep_it_once(config: PostgresConfig, plain: Plain) -> None:
    """A trade that another transaction is just bringing, in another month even, is a repeat."""
    async with PostgresTradeStore(config) as trades:
        await trades.append([trade(1)])
        with plain.transaction():
            plain.execute("INSERT INTO trade_ids VALUES (2, 0)")
            appending = await started(plain, trades.append([trade(2), trade(3)]))
            assert not appending.done()
        await appending
        held = [one.trade_id for one in (await trades.find(TradeQuery())).items]
        assert held == [3, 1]


async def test_batches_in_any_order_never_end_in_a_deadlock(config: PostgresConfig) -> None:
    """Many clients save overlapping batches in opposite orders: every call succeeds."""
    clients = [PostgresClient(config) for _ in range(4)]
    stores = [PostgresOrderStore(client) for client in clients]
    for store in stores:
        await store.__aenter__()
    try:

        def batch(version: int) -> list[Order]:
            numbers = range(60) if version % 2 else range(59, -1, -1)
            return [order(number, version=version) for number in numbers]

        await asyncio.gather(
            *(
                stores[version % 4].save(batch(version))
                if version % 5
                else stores[version % 4].remove([(f"order_{version}", version)])
                for version in range(1, 60)
            )
        )
        found = await stores[0].get([f"order_{number}" for number in range(60)])
        assert {one.version for one in found.values()} == {59}
        assert len(found) == 60
    finally:
        for store in stores:
            await store.__aexit__(None, None, None)


async def test_a_deadlock_with_others_is_repeated(config: PostgresConfig, plain: Plain) -> None:
    """A statement that the server chose as the victim of a deadlock is done again, and succeeds."""
    plain_id = plain.execute("SELECT pg_backend_pid()").fetchone()
    assert plain_id is not None
    async with PostgresAccountStore(config) as accounts:
        await accounts.save([balance("a", "cash"), balance("b", "cash")])
        # The other one waits long, so that ours is the victim.
        plain.execute("SET deadlock_timeout = '100s'")
        plain.execute("BEGIN")
        plain.execute("UPDATE balances SET available = 7, version = 2 WHERE user_id = 'b'")
        saving = await started(
            plain, accounts.save([balance("a", "cash", 3), balance("b", "cash", 3)])
        )
        await asyncio.to_thread(
            plain.execute, "UPDATE balances SET available = 7, version = 2 WHERE user_id = 'a'"
        )
        plain.execute("COMMIT")
        await saving
        found = await accounts.get([("a", "cash"), ("b", "cash")])
        assert {one.version for one in found.values()} == {3}


async def test_racing_applies_of_two_clients_happen_once(config: PostgresConfig) -> None:
    """Of the same entry applied by several processes at once exactly one takes effect."""
    stores = [PostgresOrderStore(PostgresClient(config)) for _ in range(3)]
    for store in stores:
        await store.__aenter__()
    try:
        for number in range(1, 15):
            at = Position(number, 0)
            answers = await asyncio.gather(
                *(
                    store.apply([order(which, version=number)], source="log", position=at)
                    for which, store in enumerate(stores)
                )
            )
            assert answers.count(Applied.APPLIED) == 1
            winner = answers.index(Applied.APPLIED)
            found = await stores[0].get([f"order_{which}" for which in range(3)])
            changed = [id for id, one in found.items() if one.version == number]
            assert changed == [f"order_{winner}"]
    finally:
        for store in stores:
            await store.__aexit__(None, None, None)


async def test_stores_of_one_url_share_connections(config: PostgresConfig, plain: Plain) -> None:
    """Three stores of one URL under load never have more connections than the URL allows."""
    named = attrs.evolve(config, max_connections=3)
    async with (
        PostgresOrderStore(named) as orders,
        PostgresTradeStore(named) as trades,
        PostgresAccountStore(named) as accounts,
    ):
        await asyncio.gather(
            *(orders.save([order(number)]) for number in range(40)),
            *(trades.append([trade(number)]) for number in range(40)),
            *(accounts.save([balance(f"u{number}", "cash")]) for number in range(40)),
        )
        assert orders._client is trades._client is accounts._client
        assert len((await orders.find(OrderQuery())).items) == 40


async def test_a_backup_holds_up_nobody(config: PostgresConfig, plain: Plain) -> None:
    """While a transaction has read every table, as pg_dump does, saves and removes go on."""
    hasty = attrs.evolve(config, lock_timeout_s=0.5)
    async with PostgresOrderStore(hasty) as orders:
        await orders.save([order(0), order(1)])
        with plain.transaction():
            tables = plain.execute(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = "
                "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
            ).fetchall()
            for (table,) in tables:
                plain.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
            assert await orders.remove([("order_0", 1)]) == 1
            assert await orders.outbox.keep("caches")
            await orders.save([order(1, version=2)])
        assert [one.version for one in (await orders.find(OrderQuery())).items] == [2]
