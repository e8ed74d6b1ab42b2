"""Revision 0003: the lines of the double-entry ledger; it begins empty."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "ledger_entries",
        _text("source", key=True),
        _integer("number", key=True),
        _integer("line", key=True),
        _integer("transaction_line"),
        _text("holder"),
        _text("account"),
        _text("asset"),
        _integer("available"),
        _integer("frozen"),
        _integer("available_after", optional=True),
        _integer("frozen_after", optional=True),
        _text("kind"),
        _text("reference"),
        _integer("timestamp"),
        _text("correlation_id", optional=True),
        sqlite_with_rowid=False,
    )
    of_users = sa.text("holder = 'user'")
    op.create_index(
        "ledger_by_user",
        "ledger_entries",
        ["account", "timestamp", "source", "number", "line"],
        sqlite_where=of_users,
        postgresql_where=of_users,
    )


def _integer(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), primary_key=key, nullable=optional, autoincrement=False)


def _text(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TEXT, primary_key=key, nullable=optional)
