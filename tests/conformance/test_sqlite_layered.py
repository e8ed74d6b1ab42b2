"""Memory in front of a SQLite file keeps the contracts, for all processes that use the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pmstore.backends.memory import MemoryCache, MemoryTradeWindow
from pmstore.backends.sqlite import (
    SqliteAccountStore,
    SqliteEventStore,
    SqliteOrderStore,
    SqliteTradeStore,
)
from pmstore.layers import LayerOptions, layered
from pmstore.storage.kinds import ACCOUNTS, EVENTS, ORDERS
from pmstore.testing import (
    ManualClock,
    Rig,
    account_store_clauses,
    conformance,
    event_store_clauses,
    order_store_clauses,
    trade_store_clauses,
)
from tests.thorough import histories

QUICK = LayerOptions(relay_every_s=0.005, cache_max_age_s=0.5, breaker_open_s=0.01)
LAG_S = 2.0
FILE = "pmstore.db"

clock = ManualClock()


def rig(cache: Callable[[], Any], truth: Callable[[Path], Any], **declared: Any) -> Rig[Any]:
    return Rig(
        open=lambda place: layered(cache(), truth(place / FILE), options=QUICK),
        durable=True,
        shared=True,
        lag_s=LAG_S,
        **histories(8),
        **declared,
    )


def elsewhere(contract: str, cache: str) -> Callable[[Path], tuple[str, ...]]:
    """Another process has the same stack."""
    return lambda place: (f"pmstore:open_{contract}_store", f"{cache} > sqlite:///{place}/{FILE}")


test_orders = conformance(
    order_store_clauses,
    rig(
        lambda: MemoryCache(ORDERS),
        lambda file: SqliteOrderStore(file, clock=clock, tombstone_s=60),
        positioned=True,
        clock=clock,
        tombstone_s=60,
        elsewhere=elsewhere("order", "memory://"),
    ),
)
test_accounts = conformance(
    account_store_clauses,
    rig(
        lambda: MemoryCache(ACCOUNTS),
        SqliteAccountStore,
        positioned=True,
        elsewhere=elsewhere("account", "memory://"),
    ),
)
test_events = conformance(
    event_store_clauses,
    rig(lambda: MemoryCache(EVENTS), SqliteEventStore, elsewhere=elsewhere("event", "memory://")),
)
test_trades = conformance(
    trade_store_clauses,
    rig(
        lambda: MemoryTradeWindow(7),
        SqliteTradeStore,
        positioned=True,
        elsewhere=elsewhere("trade", "memory://?recent=7"),
    ),
)
