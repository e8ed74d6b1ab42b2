"""Models <-> the JSON of streams and files: the only place that knows their names on the wire."""

from pmstore.codec.batches import GENESIS_HASH, decode_batch, encode_batch
from pmstore.codec.changes_out import encode_change, encode_changes
from pmstore.codec.orders import decode_order, encode_order

__all__ = [
    "GENESIS_HASH",
    "decode_batch",
    "decode_order",
    "encode_batch",
    "encode_change",
    "encode_changes",
    "encode_order",
]
