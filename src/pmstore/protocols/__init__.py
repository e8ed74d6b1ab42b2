"""The contracts: one a file, structural, at most five verbs."""

from pmstore.protocols.account_store import AccountStore
from pmstore.protocols.cache import Cache, CompleteCache, Looked, Token, TradeWindow
from pmstore.protocols.channel import Channel, Subscription
from pmstore.protocols.consumers import Consumers
from pmstore.protocols.event_store import EventStore
from pmstore.protocols.lease import Lease
from pmstore.protocols.ledger_store import LedgerStore
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.outbox import Backlog, Note, Noted, Outbox
from pmstore.protocols.positioned import Applied, Positioned
from pmstore.protocols.schema import Revisions, Schema
from pmstore.protocols.snapshot_store import SnapshotStore
from pmstore.protocols.store import Coverage, Limits, Store
from pmstore.protocols.stream import Stream
from pmstore.protocols.trade_store import TradeStore
from pmstore.protocols.upkeep import Upkeep

__all__ = [
    "AccountStore",
    "Applied",
    "Backlog",
    "Cache",
    "Channel",
    "CompleteCache",
    "Consumers",
    "Coverage",
    "EventStore",
    "Lease",
    "LedgerStore",
    "Limits",
    "Looked",
    "Note",
    "Noted",
    "OrderStore",
    "Outbox",
    "Positioned",
    "Revisions",
    "Schema",
    "SnapshotStore",
    "Store",
    "Stream",
    "Subscription",
    "Token",
    "TradeStore",
    "TradeWindow",
    "Upkeep",
]
