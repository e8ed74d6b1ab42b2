"""Models <-> the JSON of streams and files: the only place that knows their names on the wire."""

from pmstore.codec.balances import decode_balance, encode_balance
from pmstore.codec.batches import (
    GENESIS_HASH,
    BatchLink,
    decode_batch,
    decode_batch_link,
    encode_batch,
)
from pmstore.codec.changes_in import decode_changes
from pmstore.codec.changes_out import encode_change, encode_changes
from pmstore.codec.entries import decode_entry, position_version
from pmstore.codec.events import decode_event, encode_event
from pmstore.codec.orders import decode_order, encode_order
from pmstore.codec.snapshots_in import decode_snapshot, decode_snapshot_info
from pmstore.codec.snapshots_out import encode_snapshot
from pmstore.codec.trade_log import decode_trade_line, encode_trade_lines, first_token_price
from pmstore.codec.trades import decode_trade, encode_trade

__all__ = [
    "GENESIS_HASH",
    "BatchLink",
    "decode_balance",
    "decode_batch",
    "decode_batch_link",
    "decode_changes",
    "decode_entry",
    "decode_event",
    "decode_order",
    "decode_snapshot",
    "decode_snapshot_info",
    "decode_trade",
    "decode_trade_line",
    "encode_balance",
    "encode_batch",
    "encode_change",
    "encode_changes",
    "encode_event",
    "encode_order",
    "encode_snapshot",
    "encode_trade",
    "encode_trade_lines",
    "first_token_price",
    "position_version",
]
