"""What the command line asks of a PostgreSQL below its contracts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import attrs
import psycopg
import pytest

from pmstore.backends.postgres import (
    PostgresAccountStore,
    PostgresConfig,
    PostgresOrderStore,
    PostgresSnapshotStore,
    PostgresTradeStore,
    pmstore_backend,
)
from pmstore.clock import system_clock
from pmstore.models.query import TradeQuery
from pmstore.plugin import Examination, Finding, Level, Upkeep, config_from
from pmstore.testing.samples import START_MS, balance, order, snapshot, trade
from pmstore.testing.servers import PostgresServer
from pmstore.url import parse_url

Plain = psycopg.Connection[tuple[object, ...]]

backend = pmstore_backend()
upkeep = backend.upkeep
assert upkeep is not None
UPKEEP: Upkeep = upkeep


async def found(config: PostgresConfig, clock_ms: int = 0) -> dict[str, Finding]:
    """What the check-up finds, by kind."""
    examination = Examination(clock=lambda: system_clock() + clock_ms, timeout_s=1.5)
    assert backend.diagnose is not None
    findings = {one.kind: one for one in await backend.diagnose(config, examination)}
    assert config.password is not None
    assert config.password not in repr(findings)
    return findings


def raised(findings: dict[str, Finding]) -> dict[str, Level]:
    return {kind: one.level for kind, one in findings.items() if one.level is not Level.FINE}


async def filled(config: PostgresConfig) -> None:
    async with (
        PostgresOrderStore(config) as orders,
        PostgresTradeStore(config) as trades,
        PostgresAccountStore(config) as accounts,
        PostgresSnapshotStore(config) as snapshots,
    ):
        await orders.outbox.keep("caches")
        await orders.save([order(number) for number in range(5)])
        await orders.remove([("order_1", 1)])
        await trades.append([trade(number) for number in range(7)])
        await accounts.save([balance("u", "cash")])
        await snapshots.save(snapshot(1))


async def test_what_is_there_is_counted_and_wiped(config: PostgresConfig, plain: Plain) -> None:
    """Counting makes nothing; wiping leaves a place as if never used, and can be repeated."""
    assert await UPKEEP.contents(config) == {}
    assert raised(await found(config)) == {"schema-missing": Level.WARNING}
    await filled(config)
    beside = attrs.evolve(config, schema=f"{config.schema} 2")
    await filled(beside)
    assert await UPKEEP.contents(config) == {
        "orders": 4,
        "trades": 7,
        "accounts": 1,
        "snapshots": 1,
        "tombstones": 1,
        "notes": 6,
    }
    await UPKEEP.wipe(config)
    await UPKEEP.wipe(config)
    assert await UPKEEP.contents(config) == {}
    schemas = plain.execute("SELECT nspname FROM pg_namespace").fetchall()
    assert (config.schema,) not in schemas
    assert (await UPKEEP.contents(beside))["orders"] == 4
    await filled(config)


async def test_a_schema_that_holds_something_else_is_left(
    config: PostgresConfig, plain: Plain
) -> None:
    """Wiping drops our tables alone."""
    await filled(config)
    plain.execute("CREATE TABLE theirs ()")
    await UPKEEP.wipe(config)
    assert plain.execute("SELECT to_regclass('theirs'), to_regclass('orders')").fetchone() == (
        "theirs",
        None,
    )


async def test_old_trades_are_pruned(config: PostgresConfig, plain: Plain) -> None:
    """Trades before a time go, in several steps; the others stay, and the ids of those gone."""
    assert await UPKEEP.prune_trades(config, START_MS) == 0
    async with PostgresTradeStore(config) as trades:
        for start in range(0, 25_000, 5_000):
            await trades.append([trade(number) for number in range(start, start + 5_000)])
        assert await UPKEEP.prune_trades(config, START_MS + 24_990) == 24_990
        held = (await trades.find(TradeQuery(limit=1000))).items
        assert [one.trade_id for one in held] == list(range(24_999, 24_989, -1))
        assert plain.execute("SELECT count(*) FROM trade_ids").fetchone() == (10,)


async def test_a_sound_server_is_fine(config: PostgresConfig, plain: Plain) -> None:
    """Version and latency are told, and nothing is left behind."""
    await filled(config)
    before = plain.execute("SELECT count(*) FROM pg_class").fetchone()
    findings = await found(config)
    assert raised(findings) == {}
    assert "PostgreSQL" in findings["reachable"].what
    assert findings["clock-skew"].level is Level.FINE
    assert plain.execute("SELECT count(*) FROM pg_class").fetchone() == before


async def test_clocks_that_disagree_are_found(config: PostgresConfig) -> None:
    """A machine an hour ahead of the server is a warning."""
    await filled(config)
    assert raised(await found(config, 3_600_000)) == {"clock-skew": Level.WARNING}


@pytest.mark.parametrize(
    ("changes", "kind", "remedy"),
    [
        ({"password": "geheim"}, "password", "DATABASE_PASSWORD"),
        ({"path": "/no_such_database"}, "unreachable", "createdb no_such_database"),
        ({"port": 1}, "unreachable", "DATABASE_PORT"),
        ({"ssl_mode": "require"}, "unreachable", "DATABASE_SSL_MODE"),
    ],
)
async def test_what_keeps_one_out_is_found(
    config: PostgresConfig, changes: dict[str, object], kind: str, remedy: str
) -> None:
    """Whoever is not let in gets one finding, with the next step."""
    findings = await found(attrs.evolve(config, **changes))
    assert raised(findings) == {kind: Level.ERROR}
    assert remedy in findings[kind].remedy


async def test_a_schema_of_another_age_is_found(config: PostgresConfig, plain: Plain) -> None:
    """A schema of the past is a warning, one of the future an error."""
    await filled(config)
    plain.execute("UPDATE pmstore_revision SET version_num = '0001'")
    findings = await found(config)
    assert raised(findings) == {"schema-older": Level.WARNING}
    assert "pmstore migrate" in findings["schema-older"].remedy
    plain.execute("UPDATE pmstore_revision SET version_num = '9999'")
    assert raised(await found(config)) == {"schema-newer": Level.ERROR}


async def test_notes_that_nobody_reads_are_found(config: PostgresConfig, plain: Plain) -> None:
    """Notes older than some seconds are a warning with their reader."""
    await filled(config)
    plain.execute("UPDATE notes SET written_ms = written_ms - 60000")
    findings = await found(config)
    assert raised(findings) == {"outbox-backlog": Level.WARNING}
    assert "6 notes of orders wait for caches" in findings["outbox-backlog"].what


async def test_a_user_without_rights_is_found(config: PostgresConfig, plain: Plain) -> None:
    """Missing rights on the tables, or to make them, are an error."""
    role = f"role_{config.schema}".replace(" ", "_")
    plain.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'weak'")
    weak = attrs.evolve(config, user=role, password="weak")
    findings = await found(weak)
    assert raised(findings) == {"schema-missing": Level.WARNING, "permission": Level.ERROR}
    await filled(config)
    plain.execute(f'GRANT USAGE ON SCHEMA "{config.schema}" TO {role}')
    plain.execute(f"GRANT SELECT ON pmstore_revision TO {role}")
    findings = await found(weak)
    assert raised(findings) == {"permission": Level.ERROR}
    assert "orders" in findings["permission"].what


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("own")) as server:
        yield server


async def test_a_server_that_takes_no_writes_is_found(own_server: PostgresServer) -> None:
    """Read-only, full, frozen: each is an error of its own."""
    config = config_from(PostgresConfig, parse_url(own_server.url))
    await filled(config)
    with psycopg.connect(own_server.url, autocommit=True) as plain:
        plain.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
        assert raised(await found(config)) == {"read-only": Level.ERROR}
        plain.execute("SET transaction_read_only = off")
        plain.execute("SET default_transaction_read_only = off")
        plain.execute("ALTER DATABASE postgres RESET default_transaction_read_only")
        # What the server says when a file cannot grow, said by an event trigger instead.
        plain.execute(
            "CREATE FUNCTION full_disk() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
        )
        plain.execute(
            "CREATE EVENT TRIGGER full_disk ON ddl_command_start EXECUTE FUNCTION full_disk()"
        )
        assert raised(await found(config)) == {"disk-full": Level.ERROR}
        plain.execute("DROP EVENT TRIGGER full_disk")
        assert raised(await found(config)) == {}
    own_server.pause()
    try:
        async with asyncio.timeout(60):
            assert raised(await found(config)) == {"unreachable": Level.ERROR}
    finally:
        own_server.resume()
