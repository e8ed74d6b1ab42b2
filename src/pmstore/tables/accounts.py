"""The table of balances."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Index

from pmstore.tables.columns import integer, text
from pmstore.tables.table import Table


class BalanceRow(Table, table=True):
    """What a user holds of one asset, in its newest version."""

    __tablename__: ClassVar[Any] = "balances"
    __table_args__ = (Index("balances_by_asset", "asset", "user_id"),)

    user_id: str = text(key=True)
    asset: str = text(key=True)
    available: int = integer()
    frozen: int = integer()
    version: int = integer()
