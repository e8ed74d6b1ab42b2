"""The clauses of every contract."""

from __future__ import annotations

from typing import Final

from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.snapshot_store import SnapshotStore
from pmstore.protocols.stream import Stream
from pmstore.protocols.trade_store import TradeStore
from pmstore.testing import (
    order_find_laws,
    order_save_laws,
    snapshot_laws,
    stream_laws,
    trade_laws,
)
from pmstore.testing.clause import Clauses

order_store_clauses: Final[Clauses[OrderStore]] = order_save_laws.book.clauses(order_find_laws.book)
snapshot_store_clauses: Final[Clauses[SnapshotStore]] = snapshot_laws.book.clauses(
    snapshot_laws.lifetime
)
stream_clauses: Final[Clauses[Stream]] = stream_laws.book.clauses(stream_laws.lifetime)
trade_store_clauses: Final[Clauses[TradeStore]] = trade_laws.book.clauses(trade_laws.lifetime)
