"""The clauses of every contract."""

from __future__ import annotations

from typing import Final

from pmstore.protocols.account_store import AccountStore
from pmstore.protocols.event_store import EventStore
from pmstore.protocols.lease import Lease
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.snapshot_store import SnapshotStore
from pmstore.protocols.stream import Stream
from pmstore.protocols.trade_store import TradeStore
from pmstore.testing import (
    account_laws,
    consumers_laws,
    event_laws,
    lease_laws,
    machines,
    order_atomicity_laws,
    order_find_laws,
    order_save_laws,
    snapshot_laws,
    stream_append_laws,
    stream_read_laws,
    trade_laws,
)
from pmstore.testing.clause import Clauses
from pmstore.testing.consumers_laws import ConsumedStream

order_store_clauses: Final[Clauses[OrderStore]] = order_save_laws.book.clauses(
    order_find_laws.book,
    order_atomicity_laws.book,
    order_atomicity_laws.positioned,
    order_atomicity_laws.lifetime,
    machines.order_book,
)
trade_store_clauses: Final[Clauses[TradeStore]] = trade_laws.book.clauses(
    trade_laws.positioned, trade_laws.lifetime
)
account_store_clauses: Final[Clauses[AccountStore]] = account_laws.book.clauses(
    account_laws.positioned, account_laws.lifetime
)
event_store_clauses: Final[Clauses[EventStore]] = event_laws.book.clauses(event_laws.lifetime)
snapshot_store_clauses: Final[Clauses[SnapshotStore]] = snapshot_laws.book.clauses(
    snapshot_laws.lifetime
)
stream_clauses: Final[Clauses[Stream]] = stream_append_laws.book.clauses(
    stream_read_laws.book, stream_read_laws.lifetime, machines.stream_book
)
lease_clauses: Final[Clauses[Lease]] = lease_laws.book.clauses(lease_laws.lifetime)
consumers_clauses: Final[Clauses[ConsumedStream]] = consumers_laws.book.clauses(
    consumers_laws.lifetime
)
