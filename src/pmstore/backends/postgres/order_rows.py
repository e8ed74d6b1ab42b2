"""The columns of the table `orders`."""

from __future__ import annotations

from typing import Final

from pmstore.backends.postgres.columns import (
    Column,
    bigint,
    boolean,
    digits,
    optional_bigint,
    optional_text,
    text,
    word,
)

COLUMNS: Final[tuple[Column, ...]] = (
    text("id"),
    bigint("event_id", "symbol.event_id"),
    bigint("market_id", "symbol.market_id"),
    text("token_id", "symbol.token_id"),
    word("side"),
    word("order_type"),
    bigint("quantity"),
    bigint("price"),
    word("status"),
    bigint("filled_quantity"),
    bigint("remaining_quantity"),
    bigint("timestamp"),
    text("user_id"),
    bigint("order_num"),
    bigint("version"),
    word("time_in_force"),
    optional_bigint("expires_at_ms"),
    boolean("post_only"),
    optional_text("client_order_id"),
    bigint("volume"),
    bigint("spent"),
    word("self_trade"),
    optional_text("order_group", "group"),
    optional_text("session"),
    digits("fee_exact"),
    bigint("fee_paid"),
)
"""As `ORDER_COLUMNS` of `pmstore.storage.order_rows`, with where each value comes from."""
