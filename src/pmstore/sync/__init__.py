"""
The same stores without `await`, for scripts, notebooks and threads.

    import pmstore.sync

    with pmstore.sync.open_order_store("sqlite:///orders.db") as orders:
        orders.save([order])
        page = orders.find(pmstore.OrderQuery(user_id="user_1"))

Every call is made on an event loop in a thread of its own, one for the process, while the
calling thread waits: it costs two changes of thread (tens of microseconds) more than its
async twin, so give batches to it. Promises, errors and limits are those of the async
contracts. Ctrl-C cancels the call that waits. After a fork open stores refuse to be used
in the child; open them again there.
"""

from pmstore.sync import queries
from pmstore.sync.logs import Consumers, Lease, SnapshotStore, Stream
from pmstore.sync.opening import (
    Stores,
    open_account_store,
    open_consumers,
    open_event_store,
    open_lease,
    open_order_store,
    open_snapshot_store,
    open_stores,
    open_stream,
    open_trade_store,
)
from pmstore.sync.positioned import Positioned, positioned
from pmstore.sync.records import AccountStore, EventStore, OrderStore, TradeStore

__all__ = [
    "AccountStore",
    "Consumers",
    "EventStore",
    "Lease",
    "OrderStore",
    "Positioned",
    "SnapshotStore",
    "Stores",
    "Stream",
    "TradeStore",
    "open_account_store",
    "open_consumers",
    "open_event_store",
    "open_lease",
    "open_order_store",
    "open_snapshot_store",
    "open_stores",
    "open_stream",
    "open_trade_store",
    "positioned",
    "queries",
]
