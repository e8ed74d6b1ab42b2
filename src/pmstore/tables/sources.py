"""The table of how far each source was consumed."""

from __future__ import annotations

from typing import Any, ClassVar

from pmstore.tables.columns import text
from pmstore.tables.table import Table


class SourceRow(Table, table=True):
    """
    Where `source` stands for one kind of store (`orders`, `trades`, `accounts`).

    `position` is `ms-seq`, both parts padded to 20 digits: they are unsigned 64-bit
    numbers, which no integer column of either database holds, and as such texts they
    compare like the numbers.
    """

    __tablename__: ClassVar[Any] = "sources"

    store: str = text(key=True)
    source: str = text(key=True)
    position: str = text()
