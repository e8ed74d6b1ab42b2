"""Counting, emptying and shortening of a schema, below its contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, LiteralString

from pmstore.backends.postgres.client import PostgresClient
from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.connection import quoted
from pmstore.tables.schema import VERSION_TABLE

_PRUNED_AT_ONCE: Final = 10_000

_COUNTED: Final[Mapping[str, str]] = {
    "orders": "orders",
    "trades": "trades",
    "accounts": "balances",
    "events": "events",
    "ledger": "ledger_entries",
    "snapshots": "snapshots",
    "tombstones": "order_tombstones",
    "sources": "sources",
    "notes": "notes",
}
"""What is counted -> the table that it is in."""

_TABLES: Final = (
    "orders, order_tombstones, order_gate, note_gate, trades, trade_ids, balances, events, "
    f"ledger_entries, snapshots, snapshot_parts, sources, note_readers, notes, {VERSION_TABLE}"
)
_FUNCTIONS: Final = (
    "version_conflict(text), remove_orders(text[], bigint[], bigint, bigint), "
    "keep_notes(text, text, boolean)"
)
_PRUNE: Final[LiteralString] = (
    "WITH old AS (SELECT timestamp, trade_id FROM trades WHERE timestamp < %s "
    "ORDER BY timestamp, trade_id LIMIT %s), "
    "gone AS (DELETE FROM trades USING old WHERE trades.timestamp = old.timestamp "
    "AND trades.trade_id = old.trade_id RETURNING 1), "
    "ids AS (DELETE FROM trade_ids USING old WHERE trade_ids.trade_id = old.trade_id) "
    "SELECT count(*) FROM gone"
)


class PostgresUpkeep:
    """The `Upkeep` of the tables in a config's schema."""

    async def contents(self, config: PostgresConfig, /) -> Mapping[str, int]:
        """How many records of each kind are there; see `Upkeep.contents`."""
        async with PostgresClient(config, prepares=False) as client:
            if not await _migrated(client):
                return {}
            counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in _COUNTED.values())
            rows = await client.read(f"SELECT {counts}")
            return {kind: count for kind, count in zip(_COUNTED, rows[0], strict=True) if count}

    async def wipe(self, config: PostgresConfig, /) -> None:
        """
        Drop the tables with all that is in them, in one transaction; see `Upkeep.wipe`.

        A schema that the URL names goes too, unless it holds anything else.
        """
        async with (
            PostgresClient(config, prepares=False) as client,
            client.transaction() as all_of_it,
        ):
            await all_of_it.run(f"DROP TABLE IF EXISTS {_TABLES}")
            await all_of_it.run(f"DROP FUNCTION IF EXISTS {_FUNCTIONS}")
            if config.schema is None:
                return
            others = await all_of_it.run(
                "SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
                "WHERE nspname = %s UNION ALL SELECT FROM pg_proc JOIN pg_namespace "
                "ON pg_namespace.oid = pronamespace WHERE nspname = %s LIMIT 1",
                [config.schema, config.schema],
            )
            if not others:
                await all_of_it.run(f"DROP SCHEMA IF EXISTS {quoted(config.schema)}")

    async def prune_trades(self, config: PostgresConfig, before_ms: int, /) -> int:
        """
        Delete the trades before *before_ms*, and their ids; see `Upkeep.prune_trades`.

        Whole months go faster by `DROP TABLE trades_2024_01`.
        """
        removed = 0
        async with PostgresClient(config, prepares=False) as client:
            while await _migrated(client):
                rows = await client.write(_PRUNE, [before_ms, _PRUNED_AT_ONCE])
                removed += rows[0][0]
                if rows[0][0] < _PRUNED_AT_ONCE:
                    break
        return removed


async def _migrated(client: PostgresClient) -> bool:
    rows = await client.read("SELECT to_regclass(%s) IS NOT NULL", [VERSION_TABLE])
    there: bool = rows[0][0]
    return there
