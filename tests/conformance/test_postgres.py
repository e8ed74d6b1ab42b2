"""PostgreSQL keeps every contract that it has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
import psycopg
import pytest
from psycopg import sql

from pmstore.backends.postgres import (
    PostgresAccountStore,
    PostgresClient,
    PostgresConfig,
    PostgresEventStore,
    PostgresLedgerStore,
    PostgresOrderStore,
    PostgresSnapshotStore,
    PostgresTradeStore,
)
from pmstore.plugin import config_from
from pmstore.protocols import Store
from pmstore.testing import (
    ManualClock,
    Rig,
    account_store_clauses,
    conformance,
    event_store_clauses,
    ledger_store_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    trade_store_clauses,
)
from pmstore.testing.servers import PostgresServer
from pmstore.url import parse_url
from tests.thorough import histories

S = TypeVar("S", bound=Store)

clock = ManualClock()
_LIVING = "SELECT 1 FROM pg_stat_activity WHERE pid = ANY(%s)"


def wait_until_ended(url: str, sessions: list[int]) -> None:
    """Wait until the server has ended *sessions*, by their process ids."""
    with psycopg.connect(url, autocommit=True) as watch:
        while watch.execute(_LIVING, [sessions]).fetchone():
            time.sleep(0.01)


def rig_of(
    server: PostgresServer, opener: str, make: Callable[[PostgresClient], S], **declared: Any
) -> Rig[S]:
    """A schema for each place, a client for each store; *opener* is its public name."""
    config = config_from(PostgresConfig, parse_url(server.url))

    def at(place: Path) -> PostgresConfig:
        return attrs.evolve(config, schema=place.name, tombstone_s=60)

    def open_through(place: Path, host: str, port: int) -> S:
        hasty = attrs.evolve(
            at(place), host=host, port=port, statement_timeout_s=1.0, connect_timeout_s=1.0
        )
        return make(PostgresClient(hasty))

    async def crash(store: Any) -> None:
        # What the dead client had sent is finished or undone when its sessions have ended.
        # In a thread: the loop still listens to the descriptors that were closed.
        await asyncio.to_thread(wait_until_ended, server.url, store._client.abandon())

    return Rig(
        open=lambda place: make(PostgresClient(at(place))),
        durable=True,
        shared=True,
        crash=crash,
        elsewhere=lambda place: (
            f"pmstore:{opener}",
            f"{server.url}?schema={place.name}&tombstone_s=60",
        ),
        open_through=open_through,
        server=(server.host, server.port),
        gives_up_s=15.0,
        **histories(6),
        **declared,
    )


@pytest.fixture
def orders(postgres_server: PostgresServer) -> Rig[PostgresOrderStore]:
    return rig_of(
        postgres_server,
        "open_order_store",
        lambda client: PostgresOrderStore(client, clock=clock),
        positioned=True,
        clock=clock,
        tombstone_s=60,
    )


@pytest.fixture
def trades(postgres_server: PostgresServer) -> Rig[PostgresTradeStore]:
    return rig_of(postgres_server, "open_trade_store", PostgresTradeStore, positioned=True)


@pytest.fixture
def accounts(postgres_server: PostgresServer) -> Rig[PostgresAccountStore]:
    return rig_of(postgres_server, "open_account_store", PostgresAccountStore, positioned=True)


@pytest.fixture
def events(postgres_server: PostgresServer) -> Rig[PostgresEventStore]:
    return rig_of(postgres_server, "open_event_store", PostgresEventStore)


@pytest.fixture
def ledger(postgres_server: PostgresServer) -> Rig[PostgresLedgerStore]:
    return rig_of(postgres_server, "open_ledger_store", PostgresLedgerStore, positioned=True)


@pytest.fixture
def snapshots(postgres_server: PostgresServer) -> Rig[PostgresSnapshotStore]:
    def damage(place: Path, name: str) -> None:
        parts = sql.Identifier(place.name, "snapshot_parts")
        with psycopg.connect(postgres_server.url) as connection:
            connection.execute(
                sql.SQL(
                    "UPDATE {} SET content = set_byte(content, 7, 0) WHERE generation = %s"
                ).format(parts),
                [int(name)],
            )

    return rig_of(postgres_server, "open_snapshot_store", PostgresSnapshotStore, damage=damage)


test_orders = conformance(order_store_clauses, "orders")
test_trades = conformance(trade_store_clauses, "trades")
test_accounts = conformance(account_store_clauses, "accounts")
test_events = conformance(event_store_clauses, "events")
test_ledger = conformance(ledger_store_clauses, "ledger")
test_snapshots = conformance(snapshot_store_clauses, "snapshots")
