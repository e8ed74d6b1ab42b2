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
stored snapshot generation; see `Rig`. A rig that needs a server is a pytest fixture, and
`conformance(stream_clauses, "its_name")` takes it by name. Without pytest:

    for clause in stream_clauses:
        clause.check(rig, folder)  # raises ClauseBroken or DeclaredAbsent

The test functions are synchronous: every clause runs its own event loop.
"""

from pmstore.testing.clause import Clause, ClauseBroken, Clauses, DeclaredAbsent
from pmstore.testing.clauses import (
    account_store_clauses,
    consumers_clauses,
    event_store_clauses,
    lease_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    stream_clauses,
    trade_store_clauses,
)
from pmstore.testing.conformance import conformance
from pmstore.testing.consumers_laws import ConsumedStream
from pmstore.testing.rig import ManualClock, Rig

__all__ = [
    "Clause",
    "ClauseBroken",
    "Clauses",
    "ConsumedStream",
    "DeclaredAbsent",
    "ManualClock",
    "Rig",
    "account_store_clauses",
    "conformance",
    "consumers_clauses",
    "event_store_clauses",
    "lease_clauses",
    "order_store_clauses",
    "snapshot_store_clauses",
    "stream_clauses",
    "trade_store_clauses",
]
