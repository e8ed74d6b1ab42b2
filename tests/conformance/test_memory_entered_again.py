"""A memory store that is left and entered again holds what it held."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

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
from pmstore.protocols import Store
from pmstore.testing import (
    ConsumedStream,
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

S = TypeVar("S", bound=Store)


def one_a_place(make: Callable[[], S]) -> Callable[[Path], S]:
    """The same object for the same place."""
    made: dict[Path, S] = {}

    def open_at(place: Path) -> S:
        if place not in made:
            made[place] = make()
        return made[place]

    return open_at


def consumed_stream() -> ConsumedStream:
    stream = MemoryStream()
    return ConsumedStream(stream, MemoryConsumers(stream))


test_orders = conformance(
    order_store_clauses, Rig(open=one_a_place(MemoryOrderStore), durable=True, positioned=True)
)
test_trades = conformance(
    trade_store_clauses, Rig(open=one_a_place(MemoryTradeStore), durable=True, positioned=True)
)
test_accounts = conformance(
    account_store_clauses, Rig(open=one_a_place(MemoryAccountStore), durable=True, positioned=True)
)
test_events = conformance(
    event_store_clauses, Rig(open=one_a_place(MemoryEventStore), durable=True)
)
test_snapshots = conformance(
    snapshot_store_clauses, Rig(open=one_a_place(MemorySnapshotStore), durable=True)
)
test_stream = conformance(stream_clauses, Rig(open=one_a_place(MemoryStream), durable=True))
test_lease = conformance(lease_clauses, Rig(open=one_a_place(MemoryLease), durable=True))
test_consumers = conformance(
    consumers_clauses, Rig(open=one_a_place(consumed_stream), durable=True)
)
