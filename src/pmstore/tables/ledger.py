"""The table of the double-entry ledger."""

from __future__ import annotations

from typing import Any, ClassVar

from pmstore.tables.columns import integer, partial_index, text
from pmstore.tables.table import Table


class LedgerEntryRow(Table, table=True):
    """
    A line of the ledger; columns as the fields of `LedgerEntry`, enums in their words.

    The lines of one `transaction_line` (with their source and number) add up to zero for
    each asset. SQLite keeps them in the order of the key, which is that of their arrival.
    """

    __tablename__: ClassVar[Any] = "ledger_entries"
    __table_args__ = (
        partial_index(
            "ledger_by_user",
            "account",
            "timestamp",
            "source",
            "number",
            "line",
            where="holder = 'user'",
        ),
        {"sqlite_with_rowid": False},
    )

    source: str = text(key=True)
    number: int = integer(key=True)
    line: int = integer(key=True)
    transaction_line: int = integer()
    holder: str = text()
    account: str = text()
    asset: str = text()
    available: int = integer()
    frozen: int = integer()
    available_after: int | None = integer(optional=True)
    frozen_after: int | None = integer(optional=True)
    kind: str = text()
    reference: str = text()
    timestamp: int = integer()
    correlation_id: str | None = text(optional=True)
