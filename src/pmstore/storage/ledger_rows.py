"""Lines of the ledger as rows of plain values, for tables of any kind."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

from pmstore.errors import CorruptData
from pmstore.models.ledger import EntryKind, Holder, LedgerEntry

ENTRY_COLUMNS: Final = (
    "source",
    "number",
    "line",
    "transaction_line",
    "holder",
    "account",
    "asset",
    "available",
    "frozen",
    "available_after",
    "frozen_after",
    "kind",
    "reference",
    "timestamp",
    "correlation_id",
)
"""In the order of the model's fields; `transaction` is a word of SQL."""

_HOLDERS: Final = {one.value: one for one in Holder}
_KINDS: Final = {one.value: one for one in EntryKind}


_row: Final = attrgetter(
    "source",
    "number",
    "line",
    "transaction",
    "holder._value_",
    "account",
    "asset",
    "available",
    "frozen",
    "available_after",
    "frozen_after",
    "kind._value_",
    "reference",
    "timestamp",
    "correlation_id",
)


def entry_row(entry: LedgerEntry) -> tuple[Any, ...]:
    """The row of *entry*, in the order of `ENTRY_COLUMNS`."""
    row: tuple[Any, ...] = _row(entry)
    return row


def entry_of(row: tuple[Any, ...], where: str) -> LedgerEntry:
    """
    The entry in a row of `ENTRY_COLUMNS`.

    Args:
        where: The table or file, for the message.

    Raises:
        CorruptData: A word that no enumeration has.
    """
    try:
        return LedgerEntry(
            row[0],
            row[1],
            row[2],
            row[3],
            _HOLDERS[row[4]],
            row[5],
            row[6],
            row[7],
            row[8],
            row[9],
            row[10],
            _KINDS[row[11]],
            row[12],
            row[13],
            row[14],
        )
    except KeyError as error:
        raise CorruptData(
            f"{error.args[0]!r} is no word of the ledger",
            where=f"{where}: line {row[2]} of {row[0]} {row[1]}",
        ) from error
