"""The stores without `await` keep every contract of their async twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pmstore.sync
from pmstore.backends.file import FileStream
from pmstore.backends.memory import (
    MemoryAccountStore,
    MemoryConsumers,
    MemoryEventStore,
    MemoryLease,
    MemoryOrderStore,
    MemorySnapshotStore,
    MemoryStream,
    MemoryTradeStore,
)
from pmstore.backends.sqlite import SqliteOrderStore
from pmstore.testing import (
    ConsumedStream,
    ManualClock,
    Rig,
    account_store_clauses,
    conformance,
    consumers_clauses,
    event_store_clauses,
    lease_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    stream_clauses,
    trade_store_clauses,
)
from tests.sync.awaited import Awaited

clock = ManualClock()


def rig(make: Any, **declared: Any) -> Rig[Any]:
    return Rig(open=lambda place: make(place), **declared)


def open_consumers(place: Path) -> Any:
    stream = MemoryStream(clock=clock)
    groups = MemoryConsumers(stream, clock=clock)
    return ConsumedStream(
        Awaited(pmstore.sync.Stream(stream)), Awaited(pmstore.sync.Consumers(groups))
    )


test_orders = conformance(
    order_store_clauses,
    rig(
        lambda place: Awaited(
            pmstore.sync.OrderStore(MemoryOrderStore(clock=clock, tombstone_s=60))
        ),
        positioned=True,
        clock=clock,
        tombstone_s=60,
    ),
)
test_sqlite_orders = conformance(
    order_store_clauses,
    rig(
        lambda place: Awaited(
            pmstore.sync.OrderStore(
                SqliteOrderStore(place / "orders.db", clock=clock, tombstone_s=60)
            )
        ),
        positioned=True,
        durable=True,
        shared=True,
        clock=clock,
        tombstone_s=60,
    ),
)
test_trades = conformance(
    trade_store_clauses,
    rig(lambda place: Awaited(pmstore.sync.TradeStore(MemoryTradeStore())), positioned=True),
)
test_accounts = conformance(
    account_store_clauses,
    rig(lambda place: Awaited(pmstore.sync.AccountStore(MemoryAccountStore())), positioned=True),
)
test_events = conformance(
    event_store_clauses,
    rig(lambda place: Awaited(pmstore.sync.EventStore(MemoryEventStore()))),
)
test_snapshots = conformance(
    snapshot_store_clauses,
    rig(lambda place: Awaited(pmstore.sync.SnapshotStore(MemorySnapshotStore()))),
)
test_stream = conformance(
    stream_clauses,
    rig(lambda place: Awaited(pmstore.sync.Stream(MemoryStream(clock=clock))), clock=clock),
)
test_file_stream = conformance(
    stream_clauses,
    rig(
        lambda place: Awaited(pmstore.sync.Stream(FileStream(place / "log", clock=clock))),
        clock=clock,
        durable=True,
    ),
)
test_lease = conformance(
    lease_clauses,
    rig(lambda place: Awaited(pmstore.sync.Lease(MemoryLease(clock=clock))), clock=clock),
)
test_consumers = conformance(consumers_clauses, rig(open_consumers, clock=clock))
