"""
Proves that a store keeps its contract: a factory in, conformance out.

A test module of a dozen lines runs every law of a contract, one pytest item each:

    from pathlib import Path

    from acme_pmstore import AcmeStream
    from pmstore.testing import ManualClock, Rig, conformance, stream_clauses

    clock = ManualClock()

    def open_stream(place: Path) -> AcmeStream:
        return AcmeStream(place / "log", clock=clock)

    test_stream = conformance(stream_clauses, Rig(open=open_stream, durable=True, clock=clock))

The kit calls `open` with a *place*: an empty folder with a unique name. Another place must
be other data (use the folder, or `place.name` as a namespace), the same place again the same
data if the rig is `durable`. The kit enters and leaves what `open` answers.

What a rig declares absent is asserted absent where that can be seen, and shown as skipped;
everything else runs. `crash` kills an opened store without closing it, `damage` breaks a
stored snapshot generation, `shared` and `elsewhere` bring a second client and a second
process, `open_through` puts a proxy between the store and its server; see `Rig`. A rig that
needs a server is a pytest fixture, and `conformance(stream_clauses, "its_name")` takes it by
name. Without pytest:

    for clause in stream_clauses:
        clause.check(rig, folder)  # raises ClauseBroken or DeclaredAbsent

The test functions are synchronous: every clause runs its own event loop.

For one's own tests of stacks there are `faulty`, which wraps a store so that calls fail
before or after their work or are never answered, and `FaultProxy`, which does the same and
more to the bytes between a client and a real server. `pmstore.testing.servers` starts real
servers.
"""

from pmstore.testing.clause import Clause, ClauseBroken, Clauses, DeclaredAbsent
from pmstore.testing.clauses import (
    account_store_clauses,
    consumers_clauses,
    event_store_clauses,
    lease_clauses,
    ledger_store_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    stream_clauses,
    trade_store_clauses,
)
from pmstore.testing.conformance import conformance
from pmstore.testing.consumers_laws import ConsumedStream
from pmstore.testing.fault_proxy import FaultProxy, Script
from pmstore.testing.faults import Fault, Faults, faulty
from pmstore.testing.rig import ManualClock, Rig

__all__ = [
    "Clause",
    "ClauseBroken",
    "Clauses",
    "ConsumedStream",
    "DeclaredAbsent",
    "Fault",
    "FaultProxy",
    "Faults",
    "ManualClock",
    "Rig",
    "Script",
    "account_store_clauses",
    "conformance",
    "consumers_clauses",
    "event_store_clauses",
    "faulty",
    "lease_clauses",
    "ledger_store_clauses",
    "order_store_clauses",
    "snapshot_store_clauses",
    "stream_clauses",
    "trade_store_clauses",
]
