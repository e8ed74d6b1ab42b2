"""What revision 0001 makes on PostgreSQL alone."""

from __future__ import annotations

from typing import Final

from alembic import op

# The partitions of trades are made when their first trade comes, one for every month from
# 2000 to 2099. There is no default partition: to attach a month, the server would read it.

_TRADE_IDS: Final = (
    # The key of a partitioned table must hold its timestamp; this one makes ids unique.
    "CREATE TABLE trade_ids (trade_id bigint PRIMARY KEY, timestamp bigint NOT NULL)",
)

_GATES: Final = ("CREATE TABLE order_gate ()", "CREATE TABLE note_gate ()")
"""
Never have a row. A write that must not overlap with something names the gate FOR KEY SHARE,
which locks it in the mode ROW SHARE before the write looks at any data; that something locks
it in the mode EXCLUSIVE, and so waits for writes under way while later ones wait for it. A
backup, which reads every table, holds up neither.
"""

_VERSION_CONFLICT: Final = """
CREATE FUNCTION version_conflict(key text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the same version with other content' USING ERRCODE = 'PM409', DETAIL = key;
END $$
"""

_REMOVE_ORDERS: Final = """
CREATE FUNCTION remove_orders(ids text[], versions bigint[], now_ms bigint, end_ms bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
BEGIN
    LOCK TABLE note_gate IN ROW SHARE MODE;
    -- Waits for the saves that are under way. One that comes later begins behind this lock,
    -- and so with a view of the table that has these tombstones.
    LOCK TABLE order_gate IN EXCLUSIVE MODE;
    INSERT INTO order_tombstones AS stone (id, version, until_ms)
        SELECT given.id, given.version, end_ms FROM unnest(ids, versions) AS given(id, version)
        ON CONFLICT (id) DO UPDATE SET
            version = greatest(stone.version, excluded.version),
            until_ms = greatest(stone.until_ms, excluded.until_ms);
    DELETE FROM orders USING unnest(ids, versions) AS given(id, version)
        WHERE orders.id = given.id AND orders.version <= given.version;
    GET DIAGNOSTICS gone = ROW_COUNT;
    INSERT INTO notes (store, reader, key, void_through, written_ms)
        SELECT 'orders', reader, given.id, given.version,
            (extract(epoch FROM clock_timestamp()) * 1000)::bigint
        FROM unnest(ids, versions) AS given(id, version)
        CROSS JOIN note_readers WHERE note_readers.store = 'orders';
    -- A bounded number, so that no call pays for a day of removals.
    DELETE FROM order_tombstones WHERE id = ANY (ARRAY(
        SELECT id FROM order_tombstones WHERE until_ms <= now_ms ORDER BY until_ms LIMIT 1000));
    RETURN gone;
END $$
"""

_KEEP_NOTES: Final = """
CREATE FUNCTION keep_notes(of_store text, for_reader text, kept boolean)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF kept = EXISTS (
        SELECT FROM note_readers WHERE store = of_store AND reader = for_reader
    ) THEN
        RETURN false;
    END IF;
    -- Writes that are under way end first, later ones see what is new.
    LOCK TABLE note_gate IN EXCLUSIVE MODE;
    IF kept THEN
        INSERT INTO note_readers (store, reader) VALUES (of_store, for_reader)
            ON CONFLICT DO NOTHING;
        RETURN FOUND;
    END IF;
    DELETE FROM notes WHERE store = of_store AND reader = for_reader;
    DELETE FROM note_readers WHERE store = of_store AND reader = for_reader;
    RETURN FOUND;
END $$
"""


def upgrade() -> None:
    """Make what keeps trades unique, and what keeps versions in order between writers."""
    for statement in (*_TRADE_IDS, *_GATES, _VERSION_CONFLICT, _REMOVE_ORDERS, _KEEP_NOTES):
        op.execute(statement)
