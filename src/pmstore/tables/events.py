"""The table of events."""

from __future__ import annotations

from typing import Any, ClassVar

from pmstore.tables.columns import integer, text
from pmstore.tables.table import Table


class EventRow(Table, table=True):
    """An event with its markets in its newest version; `document` is `codec.encode_event`'s."""

    __tablename__: ClassVar[Any] = "events"

    event_id: int = integer(key=True)
    version: int = integer()
    document: str = text()
