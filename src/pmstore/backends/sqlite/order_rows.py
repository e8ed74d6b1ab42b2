"""The columns of the table of orders, and the statement that writes it."""

from __future__ import annotations

from typing import Any, Final

from pmstore.storage.order_rows import ORDER_COLUMNS

Row = tuple[Any, ...]

COLUMNS: Final = ", ".join(ORDER_COLUMNS)
ID: Final = ORDER_COLUMNS.index("id")
VERSION: Final = ORDER_COLUMNS.index("version")

_CHANGES: Final = ", ".join(f"{name} = excluded.{name}" for name in ORDER_COLUMNS[1:])

UPSERT: Final = (
    f"INSERT INTO orders ({COLUMNS}) VALUES ({', '.join('?' * len(ORDER_COLUMNS))}) "
    f"ON CONFLICT (id) DO UPDATE SET {_CHANGES} WHERE excluded.version > orders.version"
)
"""Keeps the newest version of one order."""
