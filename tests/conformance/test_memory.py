"""The memory backend keeps every contract."""

from __future__ import annotations

from pathlib import Path

from pmstore.backends.memory import (
    MemoryAccountStore,
    MemoryConsumers,
    MemoryEventStore,
    MemoryLease,
    MemoryLedgerStore,
    MemoryOrderStore,
    MemorySnapshotStore,
    MemoryStream,
    MemoryTradeStore,
)
from pmstore.protocols import Coverage
from pmstore.testing import (
    ConsumedStream,
    ManualClock,
    Rig,
    account_store_clauses,
    conformance,
    consumers_clauses,
    event_store_clauses,
    lease_clauses,
    ledger_store_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    stream_clauses,
    trade_store_clauses,
)

clock = ManualClock()


def open_consumers(place: Path) -> ConsumedStream:
    stream = MemoryStream(clock=clock)
    return ConsumedStream(stream, MemoryConsumers(stream, clock=clock))


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
test_accounts = conformance(
    account_store_clauses, Rig(open=lambda place: MemoryAccountStore(), positioned=True)
)
test_events = conformance(event_store_clauses, Rig(open=lambda place: MemoryEventStore()))
test_ledger = conformance(
    ledger_store_clauses, Rig(open=lambda place: MemoryLedgerStore(), positioned=True)
)
test_snapshots = conformance(snapshot_store_clauses, Rig(open=lambda place: MemorySnapshotStore()))
test_stream = conformance(
    stream_clauses, Rig(open=lambda place: MemoryStream(clock=clock), clock=clock)
)
test_lease = conformance(
    lease_clauses, Rig(open=lambda place: MemoryLease(clock=clock), clock=clock)
)
test_consumers = conformance(consumers_clauses, Rig(open=open_consumers, clock=clock))
