"""Orders, trades, accounts, events, ledger and snapshots in one SQLite file."""

from pmstore.backends.sqlite.account_store import SqliteAccountStore
from pmstore.backends.sqlite.config import SqliteConfig, config_of
from pmstore.backends.sqlite.diagnosis import diagnose
from pmstore.backends.sqlite.event_store import SqliteEventStore
from pmstore.backends.sqlite.ledger_store import SqliteLedgerStore
from pmstore.backends.sqlite.order_store import SqliteOrderStore
from pmstore.backends.sqlite.schema import SqliteSchema
from pmstore.backends.sqlite.snapshot_store import SqliteSnapshotStore
from pmstore.backends.sqlite.trade_store import SqliteTradeStore
from pmstore.backends.sqlite.upkeep import SqliteUpkeep, scratch
from pmstore.plugin import Backend, hookimpl
from pmstore.protocols import (
    AccountStore,
    EventStore,
    LedgerStore,
    OrderStore,
    SnapshotStore,
    TradeStore,
)

__all__ = [
    "SqliteAccountStore",
    "SqliteConfig",
    "SqliteEventStore",
    "SqliteLedgerStore",
    "SqliteOrderStore",
    "SqliteSnapshotStore",
    "SqliteTradeStore",
    "pmstore_backend",
]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: everything but streams, durable, in one file."""
    return Backend(
        name="sqlite",
        schemes=("sqlite",),
        config=config_of,
        contracts={
            "orders": _orders,
            "trades": _trades,
            "accounts": _accounts,
            "events": _events,
            "ledger": _ledger,
            "snapshots": _snapshots,
        },
        schema=SqliteSchema(),
        diagnose=diagnose,
        upkeep=SqliteUpkeep(),
        scratch=scratch,
    )


def _orders(config: SqliteConfig) -> OrderStore:
    return SqliteOrderStore(
        config.path, tombstone_s=config.tombstone_s, busy_timeout_s=config.busy_timeout_s
    )


def _trades(config: SqliteConfig) -> TradeStore:
    return SqliteTradeStore(config.path, busy_timeout_s=config.busy_timeout_s)


def _accounts(config: SqliteConfig) -> AccountStore:
    return SqliteAccountStore(config.path, busy_timeout_s=config.busy_timeout_s)


def _events(config: SqliteConfig) -> EventStore:
    return SqliteEventStore(config.path, busy_timeout_s=config.busy_timeout_s)


def _ledger(config: SqliteConfig) -> LedgerStore:
    return SqliteLedgerStore(config.path, busy_timeout_s=config.busy_timeout_s)


def _snapshots(config: SqliteConfig) -> SnapshotStore:
    return SqliteSnapshotStore(config.path, busy_timeout_s=config.busy_timeout_s)
