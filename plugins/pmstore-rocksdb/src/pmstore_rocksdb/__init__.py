"""A backend of pmstore: every record store in an embedded RocksDB."""

import attrs

from pmstore.plugin import Backend, Url, config_from, hookimpl
from pmstore_rocksdb.account_store import RocksAccountStore
from pmstore_rocksdb.config import RocksConfig
from pmstore_rocksdb.diagnosis import diagnose
from pmstore_rocksdb.event_store import RocksEventStore
from pmstore_rocksdb.order_store import RocksOrderStore
from pmstore_rocksdb.snapshot_store import RocksSnapshotStore
from pmstore_rocksdb.trade_store import RocksTradeStore
from pmstore_rocksdb.upkeep import RocksUpkeep

__all__ = [
    "RocksAccountStore",
    "RocksConfig",
    "RocksEventStore",
    "RocksOrderStore",
    "RocksSnapshotStore",
    "RocksTradeStore",
    "pmstore_backend",
]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: the stores of one folder share one database."""
    return Backend(
        name="rocksdb",
        schemes=("rocksdb",),
        config=lambda url: config_from(RocksConfig, url),
        contracts={
            "orders": _orders,
            "trades": _trades,
            "accounts": _accounts,
            "events": _events,
            "snapshots": _snapshots,
        },
        shared=False,
        diagnose=diagnose,
        upkeep=RocksUpkeep(),
        scratch=_scratch,
    )


def _orders(config: RocksConfig) -> RocksOrderStore:
    return RocksOrderStore(config.path, tombstone_s=config.tombstone_s)


def _trades(config: RocksConfig) -> RocksTradeStore:
    return RocksTradeStore(config.path)


def _accounts(config: RocksConfig) -> RocksAccountStore:
    return RocksAccountStore(config.path)


def _events(config: RocksConfig) -> RocksEventStore:
    return RocksEventStore(config.path)


def _snapshots(config: RocksConfig) -> RocksSnapshotStore:
    return RocksSnapshotStore(config.path)


def _scratch(url: Url, name: str) -> Url:
    """A folder beside the database: RocksDB's own holds its files alone."""
    return attrs.evolve(url, path=f"{url.path.rstrip('/')}.{name}")
