"""The double-entry ledger as history writes it: where it begins, and each line once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import structlog

from pmengine.bookkeeping import Bookkeeper, Key
from pmengine.services.log import STORE_STREAM, Place
from pmengine.services.recovery import Recovered
from pmstore import (
    START,
    Balance,
    Batch,
    Entry,
    EntryKind,
    Event,
    Holder,
    JournalQuery,
    LedgerEntry,
    LedgerStore,
    Position,
    State,
)

PAGE_MAX = 1000
_logger = structlog.get_logger("pmengine.history")


class Ledger:
    """
    Makes the lines of what history reads, from where the ledger is on.

    A ledger that is empty while users have something begins with a line for each of their
    rows, at the number that these are of. Otherwise what users have is known from the rows of
    the accounts, which are written after the ledger and stand no later than it; where they cannot
    be relied on, from the lines themselves.

    Args:
        source: What the lines call the log.
        fee_account: Whose cash the fees become.
    """

    def __init__(
        self, store: LedgerStore, *, source: str = STORE_STREAM, fee_account: str = "fees"
    ) -> None:
        self.store = store
        self._source = source
        self._bookkeeper = Bookkeeper(source, fee_account)
        self._rows_at = START
        """The rows that are known are of here."""
        self._after = START
        """What comes after is written."""
        self._after_number = 0
        """Likewise, where positions say nothing."""

    async def begin(
        self,
        *,
        ledger_at: Place | None,
        accounts_at: Place | None,
        base: Recovered | None,
        balances: Iterable[Balance],
        events: Iterable[Event],
    ) -> None:
        """
        Find out what users have, and write what the ledger begins with.

        Args:
            ledger_at: How far the ledger has had the log.
            accounts_at: How far the accounts have, None if that is not known.
            base: What the stores begin again with.
            balances: The rows of the accounts.
            events: Those that are known.
        """
        for event in events:
            self._bookkeeper.list_event(event)
        if base is not None:
            for event in base.state.events.values():
                self._bookkeeper.list_event(event)
            if ledger_at is None or ledger_at.position < base.place.position:
                kind = EntryKind.OPENING if ledger_at is None else EntryKind.CORRECTION
                await self._go_on(_rows_of(base.state), base.place, kind, move=True)
                return
        elif ledger_at is None:
            if accounts_at is not None:
                await self._go_on(balances, accounts_at, EntryKind.OPENING, move=True)
            return
        elif accounts_at is not None and accounts_at.position <= ledger_at.position:
            rows = {(row.user_id, row.asset): (row.available, row.frozen) for row in balances}
            self._bookkeeper.stand_at({key: row for key, row in rows.items() if any(row)})
            self._rows_at, self._after = accounts_at.position, ledger_at.position
            return
        self._rows_at = self._after = ledger_at.position
        said, _ = await self._said(ledger_at.number)
        self._bookkeeper.stand_at(said)

    async def bridge(self, state: State, place: Place) -> None:
        """The log has a gap, and goes on behind *state* at *place*: write what became of rows."""
        for event in state.events.values():
            self._bookkeeper.list_event(event)
        await self._go_on(_rows_of(state), place, EntryKind.CORRECTION, move=False)
        self._rows_at = self._after = START
        self._after_number = place.number

    async def position(self) -> Position | None:
        """How far the ledger has had the log, None if it has not begun."""
        positioned: Any = self.store
        at: Position | None = await positioned.position(STORE_STREAM)
        return at

    async def lines(self, found: Sequence[tuple[Entry, Batch]]) -> list[LedgerEntry]:
        """The lines of what was read next."""
        lines: list[LedgerEntry] = []
        for entry, batch in found:
            if entry.id > self._after and batch.number > self._after_number:
                lines += self._bookkeeper.lines(batch)
            else:
                self._bookkeeper.pass_over(batch, rows=entry.id > self._rows_at)
            await asyncio.sleep(0)
        return lines

    async def write(self, lines: Sequence[LedgerEntry], position: Position) -> None:
        """Add *lines*, and move the ledger to *position* with the last of them."""
        size = self.store.limits.batch_size_max
        pieces = [lines[start : start + size] for start in range(0, len(lines), size)] or [[]]
        for piece in pieces[:-1]:
            await self.store.append(piece)
        positioned: Any = self.store
        await positioned.apply(pieces[-1], source=STORE_STREAM, position=position)

    async def _go_on(
        self, rows: Iterable[Balance], place: Place, kind: EntryKind, *, move: bool
    ) -> None:
        """Write what it takes from the lines that are there to *rows* at *place*."""
        said, last = await self._said(place.number)
        self._bookkeeper.stand_at(said)
        first_line = last[1] + 1 if last is not None and last[0] == place.number else 0
        lines = self._bookkeeper.corrections(
            rows, place.number, place.position.ms, kind, first_line
        )
        if lines:
            _logger.warning(
                "ledger_opens" if kind is EntryKind.OPENING else "ledger_is_corrected",
                number=place.number,
                rows=len(lines) // 2,
                detail="what moved users' holdings before this number is not on record",
            )
        if lines and not move:
            size = self.store.limits.batch_size_max
            for start in range(0, len(lines), size):
                await self.store.append(lines[start : start + size])
        elif lines:
            await self.write(lines, place.position)
        self._rows_at = self._after = place.position

    async def _said(
        self, through: int
    ) -> tuple[dict[Key, tuple[int, int]], tuple[int, int] | None]:
        """
        What users have by the lines through a number, and the last of these lines.

        Cost:
            Reads them all: only where the rows of the accounts cannot be relied on.
        """
        rows: dict[Key, tuple[int, int]] = {}
        last: tuple[int, int] | None = None
        async for line in journal_of(self.store, self._source):
            if line.number > through:
                # Written before a crash that kept the position back: they come again.
                break
            last = (line.number, line.line)
            if line.holder is Holder.USER:
                available, frozen = rows.get((line.account, line.asset), (0, 0))
                rows[line.account, line.asset] = (
                    available + line.available,
                    frozen + line.frozen,
                )
        return {key: row for key, row in rows.items() if any(row)}, last


async def journal_of(store: LedgerStore, source: str) -> AsyncIterator[LedgerEntry]:
    """All lines of *source*, in their order."""
    query = JournalQuery(source=source, limit=PAGE_MAX)
    while True:
        page = await store.journal(query)
        for line in page.items:
            yield line
        if page.next is None:
            return
        query = JournalQuery(source=source, after=page.next, limit=PAGE_MAX)


def _rows_of(state: State) -> Iterable[Balance]:
    return (row for by_user in state.balances.values() for row in by_user.values())
