"""Orders, trades, accounts, events and snapshots in PostgreSQL."""

from pmstore.backends.postgres.account_store import PostgresAccountStore
from pmstore.backends.postgres.client import PostgresClient
from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.event_store import PostgresEventStore
from pmstore.backends.postgres.order_store import PostgresOrderStore
from pmstore.backends.postgres.snapshot_store import PostgresSnapshotStore
from pmstore.backends.postgres.trade_store import PostgresTradeStore
from pmstore.plugin import Backend, config_from, hookimpl
from pmstore.protocols import AccountStore, EventStore, OrderStore, SnapshotStore, TradeStore

__all__ = [
    "PostgresAccountStore",
    "PostgresClient",
    "PostgresConfig",
    "PostgresEventStore",
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
            "snapshots": _snapshots,
        },
    )


def _orders(config: PostgresConfig) -> OrderStore:
    return PostgresOrderStore(config)


def _trades(config: PostgresConfig) -> TradeStore:
    return PostgresTradeStore(config)


def _accounts(config: PostgresConfig) -> AccountStore:
    return PostgresAccountStore(config)


def _events(config: PostgresConfig) -> EventStore:
    return PostgresEventStore(config)


def _snapshots(config: PostgresConfig) -> SnapshotStore:
    return PostgresSnapshotStore(config)
