"""How far each source was consumed: moved in the same statement as the changes are kept."""

from __future__ import annotations

from typing import Final, LiteralString

from pmstore.backends.postgres.client import PostgresClient
from pmstore.models.position import Position

MOVED: Final[LiteralString] = (
    "moved AS (INSERT INTO sources (store, source, position) VALUES (%s, %s, %s) "
    "ON CONFLICT (store, source) DO UPDATE SET position = excluded.position "
    "WHERE sources.position < excluded.position RETURNING 1)"
)
"""
A part of a statement, with the parameters of `moving`: one row if the source moved, none if
it stood there already. A racing one waits for the first and then finds it moved.
"""


def moving(store: str, source: str, position: Position) -> list[str]:
    """The parameters of `MOVED`."""
    return [store, source, written(position)]


def written(position: Position) -> str:
    """A position as text that sorts as positions do; BIGINT has no room for 64 bits unsigned."""
    return f"{position.ms:020d}-{position.seq:020d}"


async def position_of(client: PostgresClient, store: str, source: str) -> Position | None:
    """Where *source* stands, None if nothing was taken from it."""
    rows = await client.read(
        "SELECT position FROM sources WHERE store = %s AND source = %s", [store, source]
    )
    return Position.parse(rows[0][0]) if rows else None
