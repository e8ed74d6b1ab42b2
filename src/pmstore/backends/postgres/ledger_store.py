"""The ledger in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from pmstore.backends.postgres.columns import (
    Column,
    bigint,
    names,
    optional_bigint,
    optional_text,
    packed,
    text,
    unnested,
    word,
)
from pmstore.backends.postgres.consumed import MOVED, moving, position_of
from pmstore.backends.postgres.store import PostgresStore
from pmstore.models.ledger import LedgerEntry
from pmstore.models.position import Position
from pmstore.models.query import JournalQuery, LedgerQuery, Page
from pmstore.models.units import INTEGER_MAX, is_id
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import check_entries
from pmstore.storage.cursor import read_cursor
from pmstore.storage.ledger_rows import entry_of
from pmstore.storage.pages import entry_place, journal_place, page_of

_STORE: Final = "ledger"
_COLUMNS: Final[tuple[Column, ...]] = (
    text("source"),
    bigint("number"),
    bigint("line"),
    bigint("transaction_line", "transaction"),
    word("holder"),
    text("account"),
    text("asset"),
    bigint("available"),
    bigint("frozen"),
    optional_bigint("available_after"),
    optional_bigint("frozen_after"),
    word("kind"),
    text("reference"),
    bigint("timestamp"),
    optional_text("correlation_id"),
)
"""As `ENTRY_COLUMNS` of `pmstore.storage.ledger_rows`, with where each value comes from."""


def _appending(where: str) -> str:
    # In the order of the key, so that two batches never wait for each other.
    return (
        f"added AS (INSERT INTO ledger_entries ({names(_COLUMNS)}) "
        f"SELECT {names(_COLUMNS)} FROM {unnested(_COLUMNS)} WHERE {where} "
        "ORDER BY source, number, line ON CONFLICT (source, number, line) DO NOTHING)"
    )


_APPEND: Final[LiteralString] = f"WITH {_appending('true')} SELECT"
_APPLY: Final[LiteralString] = (
    f"WITH {MOVED}, {_appending('EXISTS (SELECT FROM moved)')} SELECT count(*) FROM moved"
)


class PostgresLedgerStore(PostgresStore):
    """
    Keeps each line of the ledger once in the table `ledger_entries`; a `LedgerStore`.

    Every call is one statement, which is a transaction. `apply` and `position` make it
    `Positioned` over entries.
    """

    async def append(self, entries: Sequence[LedgerEntry], /) -> None:
        """Add entries; see `LedgerStore.append`."""
        self.check_call(len(entries))
        check_entries(entries)
        if entries:
            await self._client.write(_APPEND, packed(_COLUMNS, entries))

    async def find(self, query: LedgerQuery, /) -> Page[LedgerEntry]:
        """The entries of a user, newest first; see `LedgerStore.find`."""
        self.check_call()
        # No record has what is no id, and the server could not even be asked for all of them.
        if not all(is_id(id) for id in (query.user_id, query.asset) if id is not None):
            return Page(())
        conditions = ["holder = 'user' AND account = %s"]
        values: list[object] = [query.user_id]
        if query.asset is not None:
            conditions.append("asset = %s")
            values.append(query.asset)
        if query.kinds is not None:
            conditions.append("kind = ANY(%s)")
            values.append(sorted(kind.value for kind in query.kinds))
        if query.start_ms is not None:
            conditions.append("timestamp >= %s")
            values.append(query.start_ms)
        if query.end_ms is not None:
            conditions.append("timestamp < %s")
            values.append(query.end_ms)
        if query.after is not None:
            conditions.append("(timestamp, source, number, line) < (%s, %s, %s, %s)")
            values.extend(read_cursor(query.after, int, str, int, int))
        order = "timestamp DESC, source DESC, number DESC, line DESC"
        return await self._page(conditions, values, order, query.limit, entry_place)

    async def journal(self, query: JournalQuery, /) -> Page[LedgerEntry]:
        """The entries of a source, oldest first; see `LedgerStore.journal`."""
        self.check_call()
        if not is_id(query.source) or query.from_number > INTEGER_MAX:
            return Page(())
        conditions = ["source = %s", "number >= %s"]
        values: list[object] = [query.source, query.from_number]
        if query.after is not None:
            conditions.append("(number, line) > (%s, %s)")
            values.extend(read_cursor(query.after, int, int))
        return await self._page(conditions, values, "number, line", query.limit, journal_place)

    async def apply(
        self, changes: Sequence[LedgerEntry], /, *, source: str, position: Position
    ) -> Applied:
        """Append *changes* and move *source* to *position* in one statement; see `Positioned`."""
        self.check_call(len(changes))
        check_entries(changes)
        values = [*moving(_STORE, source, position), *packed(_COLUMNS, changes)]
        rows = await self._client.write(_APPLY, values)
        return Applied.APPLIED if rows[0][0] else Applied.DUPLICATE

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await position_of(self._client, _STORE, source)

    async def _page(
        self,
        conditions: Sequence[str],
        values: Sequence[object],
        order: str,
        limit: int,
        place: Any,
    ) -> Page[LedgerEntry]:
        statement = (
            f"SELECT {names(_COLUMNS)} FROM ledger_entries WHERE {' AND '.join(conditions)} "
            f"ORDER BY {order} LIMIT %s"
        )
        rows = await self._client.read(statement, [*values, limit + 1])
        return page_of([entry_of(row, _STORE) for row in rows], limit, place)
