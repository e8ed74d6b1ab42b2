"""All tables together, as the newest revision has them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

from pmstore.tables import accounts, events, ledger, notes, orders, snapshots, sources, trades
from pmstore.tables.table import Table

__all__ = [
    "CATALOGUE",
    "accounts",
    "events",
    "ledger",
    "notes",
    "orders",
    "snapshots",
    "sources",
    "trades",
]

CATALOGUE: Final[MetaData] = Table.metadata
"""What a migrated database looks like; a test compares it with the migrations."""
