"""Revision 0002: exact fees pass 64 bits, so they are text."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Turn the numbers that are there into their digits; SQLite copies the table for it."""
    with op.batch_alter_table("orders") as orders:
        orders.alter_column(
            "fee_exact",
            existing_type=sa.BigInteger(),
            type_=_TEXT,
            existing_nullable=False,
            postgresql_using="fee_exact::text",
        )
