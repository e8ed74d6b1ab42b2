"""Balances in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pmstore.backends.postgres.arrays import texts
from pmstore.backends.postgres.channel import PostgresChannel
from pmstore.backends.postgres.columns import Column, bigint, names, packed, text
from pmstore.backends.postgres.consumed import moving, position_of
from pmstore.backends.postgres.noting import account_key
from pmstore.backends.postgres.outbox import PostgresOutbox
from pmstore.backends.postgres.store import PostgresStore
from pmstore.backends.postgres.versioned import Versioned, write_versions
from pmstore.models.balance import Balance
from pmstore.models.position import Position
from pmstore.models.query import BalanceQuery, Page
from pmstore.models.units import is_id
from pmstore.protocols.channel import Channel
from pmstore.protocols.outbox import Outbox
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import check_balances
from pmstore.storage.cursor import read_cursor
from pmstore.storage.pages import balance_place, page_of

_STORE: Final = "accounts"
_WHAT: Final = "the balance of"
_COLUMNS: Final[tuple[Column, ...]] = (
    text("user_id"),
    text("asset"),
    bigint("available"),
    bigint("frozen"),
    bigint("version"),
)
"""In the order of the model's fields."""
_TABLE: Final = Versioned(_STORE, "balances", _COLUMNS, ["user_id", "asset"])
_SAVE: Final = _TABLE.save()
_SAVE_NOTED: Final = _TABLE.save_noted()
_APPLY: Final = _TABLE.apply()
_GET: Final = (
    f"SELECT {names(_COLUMNS)} FROM balances "
    "JOIN unnest(%s::text[], %s::text[]) AS wanted(user_id, asset) USING (user_id, asset)"
)


class PostgresAccountStore(PostgresStore):
    """
    Keeps the newest version of each balance in the table `balances`; an `AccountStore`.

    Every call is one statement, which is a transaction. `apply` and `position` make it
    `Positioned` over balances.
    """

    async def save(self, balances: Sequence[Balance], /) -> None:
        """Keep the newest version of each balance; see `AccountStore.save`."""
        self.check_call(len(balances))
        if not balances:
            return
        values = _given(balances)
        await write_versions(self._client, _SAVE, values, what=_WHAT)

    async def get(self, keys: Sequence[tuple[str, str]], /) -> dict[tuple[str, str], Balance]:
        """The balances of these (`user_id`, `asset`) pairs; see `AccountStore.get`."""
        self.check_call(len(keys))
        # Once each, or the server would answer it twice; what is no id is absent.
        known = [key for key in dict.fromkeys(keys) if all(map(is_id, key))]
        if not known:
            return {}
        users, assets = zip(*known, strict=True)
        rows = await self._client.read(_GET, [texts(users), texts(assets)])
        return {(row[0], row[1]): Balance(*row) for row in rows}

    async def find(self, query: BalanceQuery, /) -> Page[Balance]:
        """
        The balances that *query* asks for; see `AccountStore.find`.

        Cost:
            Grows with the page, whatever else is held.
        """
        self.check_call()
        conditions: list[str] = []
        values: list[object] = []
        for name, wanted in (("user_id", query.user_id), ("asset", query.asset)):
            if wanted is not None:
                conditions.append(f"{name} = %s")
                # No balance has an id that is none, and the server cannot be asked for all.
                values.append(wanted if is_id(wanted) else "")
        if query.after is not None:
            conditions.append("(user_id, asset) > (%s, %s)")
            values.extend(read_cursor(query.after, str, str))
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        statement = (
            f"SELECT {names(_COLUMNS)} FROM balances {where}ORDER BY user_id, asset LIMIT %s"
        )
        rows = await self._client.read(statement, [*values, query.limit + 1])
        return page_of([Balance(*row) for row in rows], query.limit, balance_place)

    async def apply(
        self, changes: Sequence[Balance], /, *, source: str, position: Position
    ) -> Applied:
        """Save *changes* and move *source* to *position* in one statement; see `Positioned`."""
        self.check_call(len(changes))
        values = [*moving(_STORE, source, position), *_given(changes)]
        rows = await write_versions(self._client, _APPLY, values, what=_WHAT)
        return Applied.APPLIED if rows[0][0] else Applied.DUPLICATE

    @property
    def outbox(self) -> Outbox[tuple[str, str]]:
        """The notes of balances, by (`user_id`, `asset`)."""
        return PostgresOutbox(self._client, _STORE, account_key)

    @property
    def channel(self) -> Channel:
        """Carries messages to every process that uses this schema."""
        return PostgresChannel(self._client)

    async def save_noted(self, records: Sequence[Balance], /) -> frozenset[tuple[str, str]]:
        """As `save`, and answers which balances are now as they were given; see `Noted`."""
        self.check_call(len(records))
        if not records:
            return frozenset()
        values = _given(records)
        rows = await write_versions(self._client, _SAVE_NOTED, values, what=_WHAT)
        return frozenset((row[0], row[1]) for row in rows)

    async def load(self, keys: Sequence[tuple[str, str]], /) -> dict[tuple[str, str], Balance]:
        """As `get`, which never asks a replica; see `Noted`."""
        return await self.get(keys)

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await position_of(self._client, _STORE, source)


def _given(balances: Sequence[Balance]) -> list[object]:
    """The parameters that save *balances*; raises if one of them cannot be."""
    check_balances(balances)
    in_order = sorted(balances, key=balance_place)
    return [*packed(_COLUMNS, in_order)]
