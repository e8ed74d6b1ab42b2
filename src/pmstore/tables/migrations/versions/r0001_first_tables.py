"""
Revision 0001: the first tables.

What differs between the databases: SQLite has the table of the channel's messages,
PostgreSQL what `postgresql_0001` makes; its trades are partitioned by month.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from pmstore.tables.migrations import postgresql_0001

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INTEGER = sa.BigInteger()
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables in a database that has none of them."""
    on_postgresql = op.get_context().dialect.name == "postgresql"
    _create_orders()
    _create_trades(partitioned=on_postgresql)
    _create_accounts_and_events()
    _create_snapshots()
    _create_sources_and_notes()
    if on_postgresql:
        postgresql_0001.upgrade()
    else:
        op.create_table(
            "messages",
            sa.Column("seq", _SERIAL, primary_key=True, autoincrement=True),
            _text("payload"),
            _integer("sent_ms"),
            sqlite_autoincrement=True,
        )


def _integer(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _INTEGER, primary_key=key, nullable=optional, autoincrement=False)


def _text(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TEXT, primary_key=key, nullable=optional)


def _index(name: str, table: str, columns: Sequence[str], where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def _create_orders() -> None:
    op.create_table(
        "orders",
        _text("id", key=True),
        _integer("event_id"),
        _integer("market_id"),
        _text("token_id"),
        _text("side"),
        _text("order_type"),
        _integer("quantity"),
        _integer("price"),
        _text("status"),
        _integer("filled_quantity"),
        _integer("remaining_quantity"),
        _integer("timestamp"),
        _text("user_id"),
        _integer("order_num"),
        _integer("version"),
        _text("time_in_force"),
        _integer("expires_at_ms", optional=True),
        sa.Column("post_only", sa.Boolean(), nullable=False),
        _text("client_order_id", optional=True),
        _integer("volume"),
        _integer("spent"),
        _text("self_trade"),
        _text("order_group", optional=True),
        _text("session", optional=True),
        _integer("fee_exact"),
        _integer("fee_paid"),
    )
    in_order = ["order_num", "id"]
    _index("orders_by_number", "orders", in_order)
    _index("orders_by_user", "orders", ["user_id", *in_order])
    _index(
        "orders_open_by_user",
        "orders",
        ["user_id", *in_order],
        "status IN ('New', 'PartiallyFilled')",
    )
    _index("orders_by_token", "orders", ["token_id", *in_order])
    _index("orders_by_market", "orders", ["market_id", *in_order])
    _index("orders_by_event", "orders", ["event_id", *in_order])
    _index("orders_by_state", "orders", ["side", "status", *in_order])
    _index("orders_by_time", "orders", ["timestamp", *in_order])
    _index(
        "orders_by_client_order_id",
        "orders",
        ["client_order_id", *in_order],
        "client_order_id IS NOT NULL",
    )
    op.create_table(
        "order_tombstones", _text("id", key=True), _integer("version"), _integer("until_ms")
    )
    _index("order_tombstones_by_end", "order_tombstones", ["until_ms"])


def _create_trades(*, partitioned: bool) -> None:
    key = ("timestamp", "trade_id") if partitioned else ("trade_id",)
    op.create_table(
        "trades",
        sa.Column("trade_id", _SERIAL, nullable=False, autoincrement=False),
        _text("match_type"),
        _text("taker_order_id"),
        _text("maker_order_id"),
        _text("taker_user_id"),
        _text("maker_user_id"),
        _integer("event_id"),
        _integer("market_id"),
        _text("token_id"),
        _integer("maker_event_id"),
        _integer("maker_market_id"),
        _text("maker_token_id"),
        _text("side"),
        _text("maker_side"),
        _integer("price"),
        _integer("maker_price"),
        _integer("quantity"),
        _integer("timestamp"),
        sa.Column("taker_is_bid", sa.Boolean(), nullable=False),
        _integer("taker_fee"),
        _integer("maker_fee"),
        sa.PrimaryKeyConstraint(*key),
        postgresql_partition_by="RANGE (timestamp)",
    )
    newest = ["timestamp", "trade_id"]
    if not partitioned:
        # Else it is the key.
        _index("trades_by_time", "trades", newest)
    _index("trades_by_taker", "trades", ["taker_user_id", *newest])
    _index("trades_by_maker", "trades", ["maker_user_id", *newest])
    _index("trades_by_taker_order", "trades", ["taker_order_id", *newest])
    _index("trades_by_maker_order", "trades", ["maker_order_id", *newest])
    _index("trades_by_token", "trades", ["token_id", *newest])
    _index("trades_by_market", "trades", ["market_id", *newest])
    _index("trades_by_event", "trades", ["event_id", *newest])


def _create_accounts_and_events() -> None:
    op.create_table(
        "balances",
        _text("user_id", key=True),
        _text("asset", key=True),
        _integer("available"),
        _integer("frozen"),
        _integer("version"),
    )
    _index("balances_by_asset", "balances", ["asset", "user_id"])
    op.create_table(
        "events", _integer("event_id", key=True), _integer("version"), _text("document")
    )


def _create_snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("generation", _SERIAL, primary_key=True, autoincrement=True),
        _integer("size_bytes"),
        _text("sha256"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshot_parts",
        _integer("generation", key=True),
        _integer("part", key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )


def _create_sources_and_notes() -> None:
    op.create_table(
        "sources", _text("store", key=True), _text("source", key=True), _text("position")
    )
    op.create_table("note_readers", _text("store", key=True), _text("reader", key=True))
    op.create_table(
        "notes",
        sa.Column("seq", _SERIAL, primary_key=True, autoincrement=True),
        _text("store"),
        _text("reader"),
        _text("key", optional=True),
        _integer("void_through"),
        _integer("written_ms"),
        _text("reason", optional=True),
        sqlite_autoincrement=True,
    )
    _index("notes_by_reader", "notes", ["store", "reader", "seq"])
