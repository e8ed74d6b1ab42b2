"""The fold of the log's changes: everything that can change a later answer; pure."""

from pmstore.state.digest import snapshot_digest
from pmstore.state.ends import ended_order
from pmstore.state.fold import State
from pmstore.state.memories import ACCEPTED, SUBMIT_ORDER, order_memory_key
from pmstore.state.work import Work

__all__ = [
    "ACCEPTED",
    "SUBMIT_ORDER",
    "State",
    "Work",
    "ended_order",
    "order_memory_key",
    "snapshot_digest",
]
