"""The columns of the table `trades`."""

from __future__ import annotations

from typing import Final

from pmstore.backends.postgres.columns import Column, bigint, boolean, text, word

COLUMNS: Final[tuple[Column, ...]] = (
    bigint("trade_id"),
    word("match_type"),
    text("taker_order_id"),
    text("maker_order_id"),
    text("taker_user_id"),
    text("maker_user_id"),
    bigint("event_id", "symbol.event_id"),
    bigint("market_id", "symbol.market_id"),
    text("token_id", "symbol.token_id"),
    bigint("maker_event_id", "maker_symbol.event_id"),
    bigint("maker_market_id", "maker_symbol.market_id"),
    text("maker_token_id", "maker_symbol.token_id"),
    word("side"),
    word("maker_side"),
    bigint("price"),
    bigint("maker_price"),
    bigint("quantity"),
    bigint("timestamp"),
    boolean("taker_is_bid"),
    bigint("taker_fee"),
    bigint("maker_fee"),
)
"""As `TRADE_COLUMNS` of `pmstore.storage.trade_rows`, with where each value comes from."""
