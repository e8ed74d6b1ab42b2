"""What callers are told when the server is gone, frozen, or does not let them in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import attrs
import psycopg
import pytest

from pmstore.backends.postgres import (
    PostgresConfig,
    PostgresOrderStore,
    PostgresSnapshotStore,
    PostgresTradeStore,
    pmstore_backend,
)
from pmstore.errors import SettingsError, StoreClosed, StoreUnavailable, WriteOutcome
from pmstore.models.query import OrderQuery, TradeQuery
from pmstore.plugin import config_from
from pmstore.testing.samples import order, snapshot, trade
from pmstore.testing.servers import PostgresServer
from pmstore.url import parse_url

Plain = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server that these tests may stop and freeze."""
    with PostgresServer(tmp_path_factory.mktemp("own")) as server:
        yield server


@pytest.fixture
def own(own_server: PostgresServer) -> PostgresConfig:
    """It, with short deadlines."""
    config = config_from(PostgresConfig, parse_url(own_server.url))
    return attrs.evolve(config, statement_timeout_s=1.0, connect_timeout_s=1.0)


def waits_for_a_lock(plain: Plain) -> bool:
    """Whether any statement on the server waits for a lock."""
    # Inside a transaction the server would show the same picture again.
    plain.execute("SELECT pg_stat_clear_snapshot()")
    return bool(
        plain.execute("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchall()
    )


@pytest.mark.parametrize("killed", [False, True])
async def test_a_restarted_server_is_found_again(
    own: PostgresConfig, own_server: PostgresServer, killed: bool
) -> None:
    """The first call after a restart succeeds, on connections that were idle meanwhile."""
    async with PostgresOrderStore(own) as orders:
        await asyncio.gather(*(orders.save([order(number)]) for number in range(10)))
        if killed:
            own_server.kill()
            own_server.start()
        else:
            own_server.restart()
        found = await orders.find(OrderQuery())
        assert len(found.items) >= 10
        await orders.save([order(11)])


async def test_a_stopped_server_refuses_at_once(
    own: PostgresConfig, own_server: PostgresServer
) -> None:
    """While nothing listens every verb says so at once, and that nothing happened."""
    patient = attrs.evolve(own, statement_timeout_s=300.0, connect_timeout_s=300.0)
    async with PostgresOrderStore(patient) as orders:
        await orders.save([order(1)])
        own_server.stop()
        try:
            for call in (
                orders.save([order(2)]),
                orders.get(["order_1"]),
                orders.remove([("order_1", 1)]),
                orders.find(OrderQuery()),
                orders.position("log"),
            ):
                with pytest.raises(StoreUnavailable, match="nothing listens there") as raised:
                    async with asyncio.timeout(60):  # it does not wait for the deadline
                        await call
                assert raised.value.outcome is WriteOutcome.NOT_APPLIED
                assert raised.value.retryable
        finally:
            own_server.start()
        assert set(await orders.get(["order_1"])) == {"order_1"}


async def test_a_frozen_server_ends_in_time_with_an_honest_outcome(
    own: PostgresConfig, own_server: PostgresServer
) -> None:
    """
    A call under way on a frozen server ends soon after its deadline: a save's outcome is
    unknown, a read's and one that found no connection is not applied.
    """
    lone = attrs.evolve(own, max_connections=1)
    async with PostgresOrderStore(lone) as orders:
        await orders.save([order(1)])
        own_server.pause()
        try:
            saving = asyncio.ensure_future(orders.save([order(1, version=2)]))
            await asyncio.sleep(0)
            second = asyncio.ensure_future(orders.save([order(3)]))
            with pytest.raises(StoreUnavailable) as raised:
                await saving
            assert raised.value.outcome is WriteOutcome.UNKNOWN
            with pytest.raises(StoreUnavailable) as raised:
                await second
            assert raised.value.outcome is WriteOutcome.NOT_APPLIED
            with pytest.raises(StoreUnavailable) as raised:
                await orders.get(["order_1"])
            assert raised.value.outcome is WriteOutcome.NOT_APPLIED
        finally:
            own_server.resume()
        await orders.save([order(1, version=3)])
        assert (await orders.get(["order_1"]))["order_1"].version == 3


async def test_a_server_killed_in_a_save_leaves_the_outcome_unknown(
    own: PostgresConfig, own_server: PostgresServer
) -> None:
    """A connection lost with a save under way: unknown; the repetition settles it."""
    patient = attrs.evolve(own, statement_timeout_s=20.0)
    async with PostgresOrderStore(patient) as orders:
        await orders.save([order(50)])
        other = psycopg.connect(own_server.url)
        other.execute("SELECT FROM orders WHERE id = 'order_50' FOR UPDATE")
        saving = asyncio.ensure_future(orders.save([order(50, version=2)]))
        while not waits_for_a_lock(other):
            await asyncio.sleep(0.01)
        own_server.kill()
        other.close()
        with pytest.raises(StoreUnavailable) as raised:
            await saving
        assert raised.value.outcome is WriteOutcome.UNKNOWN
        assert raised.value.retryable
        own_server.start()
        await orders.save([order(50, version=2)])
        assert (await orders.get(["order_50"]))["order_50"].version == 2


async def test_a_lock_of_another_is_waited_for_so_long_and_no_longer(
    config: PostgresConfig, plain: Plain
) -> None:
    """A call that waits too long for a lock is ended by the server, so it was not applied."""
    short = attrs.evolve(config, lock_timeout_s=0.2)
    shorter = attrs.evolve(config, statement_timeout_s=0.3)
    async with PostgresOrderStore(short) as hasty, PostgresOrderStore(shorter) as hastier:
        await hasty.save([order(1)])
        with plain.transaction():
            plain.execute("SELECT FROM orders FOR UPDATE")
            for store, said in ((hasty, "lock_timeout_s"), (hastier, "statement_timeout_s")):
                with pytest.raises(StoreUnavailable, match=said) as raised:
                    await store.save([order(1, version=2), order(2)])
                assert raised.value.outcome is WriteOutcome.NOT_APPLIED
        assert [one.version for one in (await hasty.find(OrderQuery())).items] == [1]


async def test_a_call_waits_for_a_free_connection_no_longer_than_its_deadline(
    config: PostgresConfig, plain: Plain
) -> None:
    """With every connection lent, a call ends at its deadline and was not applied."""
    lone = attrs.evolve(config, max_connections=1, statement_timeout_s=0.5)
    async with PostgresOrderStore(lone) as orders:
        await orders.save([order(1)])
        async with orders._client.transaction():
            with pytest.raises(StoreUnavailable, match="free or new") as raised:
                await orders.save([order(2)])
            assert raised.value.outcome is WriteOutcome.NOT_APPLIED
        await orders.save([order(2)])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "geheim"}, "DATABASE_PASSWORD"),
        ({"user": "nobody_knows"}, "DATABASE_PASSWORD|DATABASE_USER"),
        ({"path": "/no_such_database"}, "createdb"),
        ({"port": 1}, "nothing listens there"),
        ({"host": "no-such-host.invalid"}, "DATABASE_HOST"),
        ({"ssl_mode": "require"}, "ssl_mode"),
    ],
)
async def test_who_is_not_let_in_is_told_what_to_do(
    config: PostgresConfig, changes: dict[str, object], said: str
) -> None:
    """Opening fails with the next step, and never with the password."""
    wrong = attrs.evolve(config, connect_timeout_s=3.0, **changes)
    with pytest.raises(StoreUnavailable, match=said) as raised:
        async with PostgresOrderStore(wrong):
            pass
    assert raised.value.outcome is WriteOutcome.NOT_APPLIED
    shown = repr(raised.value) + str(raised.value) + repr(wrong)
    for password in (config.password, wrong.password):
        assert password is not None
        assert password not in shown


async def test_a_server_that_only_reads_says_so(config: PostgresConfig) -> None:
    """A write to a server in read-only mode is not applied; reads go on."""
    async with PostgresOrderStore(config) as orders:
        await orders.save([order(1)])
        reading = attrs.evolve(config, max_connections=1)
        async with PostgresOrderStore(reading) as reader:
            async with reader._client.transaction() as transaction:
                await transaction.run("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            with pytest.raises(StoreUnavailable, match="only reads") as raised:
                await reader.save([order(2)])
            assert raised.value.outcome is WriteOutcome.NOT_APPLIED
            assert set(await reader.get(["order_1"])) == {"order_1"}


async def test_a_dropped_table_is_no_absence(config: PostgresConfig, plain: Plain) -> None:
    """A missing table is an error with a remedy, not an empty answer."""
    async with PostgresTradeStore(config) as trades:
        await trades.append([trade(1)])
        plain.execute("DROP TABLE trades CASCADE")
        with pytest.raises(StoreUnavailable, match="pmstore migrate"):
            await trades.find(TradeQuery())


async def test_cancelled_calls_leave_every_connection_to_its_next_caller(
    config: PostgresConfig,
) -> None:
    """After many calls were cancelled at odd moments, each later call gets its own answer."""
    few = attrs.evolve(config, max_connections=2)
    async with PostgresOrderStore(few) as orders:
        await orders.save([order(number) for number in range(100)])
        for turn in range(60):
            task = asyncio.ensure_future(orders.get([f"order_{turn}"]))
            for _ in range(turn % 12):
                await asyncio.sleep(0)
            task.cancel()
            wanted = [f"order_{(turn * 7 + each) % 100}" for each in range(3)]
            answers = await asyncio.gather(*(orders.get([id]) for id in wanted))
            assert [list(answer) for answer in answers] == [[id] for id in wanted]
            await asyncio.gather(task, return_exceptions=True)


async def test_leaving_twice_and_a_failed_opening_leave_nothing_open(
    config: PostgresConfig, plain: Plain
) -> None:
    """After the last store is left, the server has no connection of ours any more."""
    async with PostgresOrderStore(config) as orders, PostgresSnapshotStore(config) as snapshots:
        await asyncio.gather(*(orders.save([order(number)]) for number in range(10)))
        await snapshots.save(snapshot(1))
    await orders.__aexit__(None, None, None)
    with pytest.raises(StoreClosed):
        await orders.get(["order_1"])
    until = time.monotonic() + 60
    while time.monotonic() < until:
        row = plain.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pmstore' "
            "AND query LIKE %s",
            ["%" + "order_gate" + "%"],
        ).fetchone()
        if row == (0,):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{row} connections are left")


def test_a_url_says_everything() -> None:
    """Both schemes, and the settings' parameters, are read; what is unknown is refused."""
    backend = pmstore_backend()
    config = backend.config(
        parse_url(
            "postgresql://user:pw@host:5433/orders?max_connections=7&max_idle_connections=3"
            "&conn_max_lifetime_s=300&ssl_mode=verify-full&statement_timeout_s=2.5&schema=a"
            "&read_host=replica&tombstone_s=60&migrate=false"
        )
    )
    assert (config.database, config.max_connections, config.schema) == ("orders", 7, "a")
    for contract in ("orders", "trades", "accounts", "events", "snapshots"):
        assert backend.contracts[contract](config).coverage.is_all  # type: ignore[literal-required]
    for wrong in (
        "postgresql://host",
        "postgresql://host/a/b",
        "postgres://host/orders?ssl_mode=maybe",
        "postgres://host/orders?max_connections=0",
        "postgres://host/orders?tombstones=1",
        "postgres://host/orders?schema=" + "x" * 64,
    ):
        with pytest.raises(SettingsError):
            backend.config(parse_url(wrong))
