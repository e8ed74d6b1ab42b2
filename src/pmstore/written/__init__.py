"""The log and its fold for who only keeps it: rows stay as they are written; pure."""

from pmstore.codec.written_batches import WrittenBatch, decode_written_batch
from pmstore.written.fold import WrittenState

__all__ = ["WrittenBatch", "WrittenState", "decode_written_batch"]
