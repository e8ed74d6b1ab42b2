"""The memory backend keeps every contract."""

from __future__ import annotations

from pmstore.backends.memory import (
    MemoryOrderStore,
    MemorySnapshotStore,
    MemoryStream,
    MemoryTradeStore,
)
from pmstore.protocols import Coverage
from pmstore.testing import (
    ManualClock,
    Rig,
    conformance,
    order_store_clauses,
    snapshot_store_clauses,
    stream_clauses,
    trade_store_clauses,
)

clock = ManualClock()

test_orders = conformance(
    order_store_clauses,
    Rig(
        open=lambda place: MemoryOrderStore(clock=clock, tombstone_s=60),
        positioned=True,
        clock=clock,
        tombstone_s=60,
    ),
)
test_bounded_orders = conformance(
    order_store_clauses,
    Rig(
        open=lambda place: MemoryOrderStore(max_orders=20_000, clock=clock),
        coverage=Coverage(newest=0),
        positioned=True,
    ),
)
test_trades = conformance(
    trade_store_clauses, Rig(open=lambda place: MemoryTradeStore(), positioned=True)
)
test_recent_trades = conformance(
    trade_store_clauses,
    Rig(
        open=lambda place: MemoryTradeStore(recent=100),
        coverage=Coverage(newest=100),
        positioned=True,
    ),
)
test_snapshots = conformance(snapshot_store_clauses, Rig(open=lambda place: MemorySnapshotStore()))
test_stream = conformance(
    stream_clauses, Rig(open=lambda place: MemoryStream(clock=clock), clock=clock)
)
