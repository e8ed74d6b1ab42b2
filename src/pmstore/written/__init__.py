"""The fold of the log for who only keeps it: rows stay as they are written; pure."""

from pmstore.written.fold import WrittenState

__all__ = ["WrittenState"]
