"""Orders, trades, accounts, events, ledger and snapshots in PostgreSQL."""

import attrs

from pmstore.backends.postgres.account_store import PostgresAccountStore
from pmstore.backends.postgres.client import PostgresClient
from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.diagnosis import diagnose
from pmstore.backends.postgres.event_store import PostgresEventStore
from pmstore.backends.postgres.ledger_store import PostgresLedgerStore
from pmstore.backends.postgres.migration import PostgresSchema
from pmstore.backends.postgres.order_store import PostgresOrderStore
from pmstore.backends.postgres.snapshot_store import PostgresSnapshotStore
from pmstore.backends.postgres.trade_store import PostgresTradeStore
from pmstore.backends.postgres.upkeep import PostgresUpkeep
from pmstore.plugin import Backend, Url, config_from, hookimpl
from pmstore.protocols import (
    AccountStore,
    EventStore,
    LedgerStore,
    OrderStore,
    SnapshotStore,
    TradeStore,
)

__all__ = [
    "PostgresAccountStore",
    "PostgresClient",
    "PostgresConfig",
    "PostgresEventStore",
    "PostgresLedgerStore",
    "PostgresOrderStore",
    "PostgresSnapshotStore",
    "PostgresTradeStore",
    "pmstore_backend",
]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: stores of one URL share a pool of connections."""
    return Backend(
        name="postgres",
        schemes=("postgresql", "postgres"),
        config=lambda url: config_from(PostgresConfig, url),
        contracts={
            "orders": _orders,
            "trades": _trades,
            "accounts": _accounts,
            "events": _events,
            "ledger": _ledger,
            "snapshots": _snapshots,
        },
        diagnose=diagnose,
        upkeep=PostgresUpkeep(),
        scratch=_scratch,
        part=_part,
        schema=PostgresSchema(),
    )


def _orders(config: PostgresConfig) -> OrderStore:
    return PostgresOrderStore(config)


def _trades(config: PostgresConfig) -> TradeStore:
    return PostgresTradeStore(config)


def _accounts(config: PostgresConfig) -> AccountStore:
    return PostgresAccountStore(config)


def _events(config: PostgresConfig) -> EventStore:
    return PostgresEventStore(config)


def _ledger(config: PostgresConfig) -> LedgerStore:
    return PostgresLedgerStore(config)


def _snapshots(config: PostgresConfig) -> SnapshotStore:
    return PostgresSnapshotStore(config)


def _scratch(url: Url, name: str) -> Url:
    """A schema of its own; two connections, since many may be open at once."""
    alone = {"schema": name, "max_connections": "2", "max_idle_connections": "1"}
    return attrs.evolve(url, parameters={**url.parameters, **alone})


def _part(url: Url, name: str, number: int) -> Url:
    """A schema of its own, whatever its number: a database is one place."""
    schema = url.parameters.get("schema")
    said = {"schema": f"{schema}_{name}" if schema else name}
    return attrs.evolve(url, parameters={**url.parameters, **said})
