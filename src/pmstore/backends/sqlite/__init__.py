"""Orders, trades, accounts, events and snapshots in one SQLite file."""

from pmstore.backends.sqlite.config import SqliteConfig, config_of
from pmstore.backends.sqlite.order_store import SqliteOrderStore
from pmstore.plugin import Backend, hookimpl
from pmstore.protocols import OrderStore

__all__ = ["SqliteConfig", "SqliteOrderStore", "pmstore_backend"]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: everything but streams, durable, in one file."""
    return Backend(
        name="sqlite", schemes=("sqlite",), config=config_of, contracts={"orders": _orders}
    )


def _orders(config: SqliteConfig) -> OrderStore:
    return SqliteOrderStore(
        config.path, tombstone_s=config.tombstone_s, busy_timeout_s=config.busy_timeout_s
    )
