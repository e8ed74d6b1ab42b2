"""URL -> plugin -> store."""

from pmstore.registry.examining import stream_durability
from pmstore.registry.opening import (
    PLUGINS,
    audit,
    find_backend,
    keeps_ledger,
    open_account_store,
    open_consumers,
    open_event_store,
    open_lease,
    open_ledger_store,
    open_order_store,
    open_snapshot_store,
    open_stream,
    open_trade_store,
    part_of,
    register,
)
from pmstore.registry.plugins import PluginReport, Plugins, PluginState
from pmstore.registry.reading import StoresToRead, open_stores_to_read
from pmstore.registry.stores import Stores, open_stores

__all__ = [
    "PLUGINS",
    "PluginReport",
    "PluginState",
    "Plugins",
    "Stores",
    "StoresToRead",
    "audit",
    "find_backend",
    "keeps_ledger",
    "open_account_store",
    "open_consumers",
    "open_event_store",
    "open_lease",
    "open_ledger_store",
    "open_order_store",
    "open_snapshot_store",
    "open_stores",
    "open_stores_to_read",
    "open_stream",
    "open_trade_store",
    "part_of",
    "register",
    "stream_durability",
]
