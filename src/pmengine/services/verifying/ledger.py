"""Whether the lines of the double-entry ledger add up to what the log says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pmengine.invariants import Law, Violation
from pmengine.services.log import STORE_STREAM
from pmstore import (
    Balance,
    Batch,
    CorruptData,
    EntryKind,
    Holder,
    JournalQuery,
    LedgerEntry,
    LedgerStore,
    Position,
    State,
)

PAGE_MAX: Final = 1000
_Row = tuple[int, int]
"""Available and frozen."""
_Key = tuple[str, str]
_NOTHING: Final = (0, 0)


class LedgerComparison:
    """
    Walks through the lines once, in their order, and stops where the log is looked at.

    Every line must follow on what its user had, every transaction add up to zero for each
    asset. After the lines of each number users must have what the log's entry says, and where
    the walk stops what the whole state says. Lines that are older than the log begins are
    looked at too.

    Args:
        source: What the lines call the log.
    """

    def __init__(self, store: LedgerStore, source: str) -> None:
        self._store = store
        self._source = source
        self._after: str | None = None
        self._ahead: list[LedgerEntry] = []
        """Lines that were read and are of a later number, the next one last."""
        self._rows: dict[_Key, _Row] = {}
        self._told: dict[int, dict[_Key, _Row]] = {}
        """By number, the rows that the log tells of."""
        self._began: int | None = None
        """With which number the ledger began, if not with the log."""
        self._is_whole = True
        """Whether every line is of something that the log told."""
        self._world = 0
        self._sums: dict[str, int] = {}
        self._open: tuple[int, int] = (-1, -1)
        """The transaction that is being read."""
        self._last: tuple[int, int] = (-1, -1)
        self.has_begun = True
        """Whether history has written a line, or moved on where there was none to write."""
        self.compared = 0
        """How many lines were looked at."""

    def __len__(self) -> int:
        return len(self._told)

    def note(self, batch: Batch) -> None:
        """Remember what *batch* tells of rows."""
        rows = {
            (change.user_id, change.asset): (change.available, change.frozen)
            for change in batch.changes
            if type(change) is Balance
        }
        if rows:
            self._told[batch.number] = rows

    def forget(self) -> None:
        """What was told is not looked at any more."""
        self._told.clear()

    async def position(self) -> Position | None:
        """How far the ledger has had the log, None if it has not begun."""
        positioned: Any = self._store
        at: Position | None = await positioned.position(STORE_STREAM)
        return at

    async def compare(self, number: int, state: State, *, complete: bool) -> list[Violation]:
        """
        What is wrong in the lines through *number*, which the ledger must have had.

        Args:
            complete: Look at all rows of *state*, which is that after *number*, too.
        """
        found: list[Violation] = []
        self.has_begun = await self.position() is not None
        if not self.has_begun:
            self.forget()
            return found
        try:
            await self._walk(number, found)
        except CorruptData as error:
            found.append(Violation(Law.LEDGER, "the ledger", str(error)))
            return found
        found += self._end_numbers(number + 1)
        if complete and (self._began is None or number >= self._began):
            found += self._compare_state(state)
        return found

    async def _walk(self, number: int, found: list[Violation]) -> None:
        while True:
            while self._ahead and self._ahead[-1].number <= number:
                found += self._look(self._ahead.pop())
            if self._ahead or not await self._read():
                found += self._end_transaction()
                return

    async def _read(self) -> bool:
        """Read lines that were not looked at; whether there are any."""
        while True:
            page = await self._store.journal(
                JournalQuery(source=self._source, after=self._after, limit=PAGE_MAX)
            )
            self._ahead = [
                line for line in reversed(page.items) if (line.number, line.line) > self._last
            ]
            if page.next is not None:
                # Of the last page more may be read later.
                self._after = page.next
            if self._ahead or page.next is None:
                return bool(self._ahead)

    def _look(self, line: LedgerEntry) -> Iterator[Violation]:
        """What is wrong with the next line."""
        self.compared += 1
        transaction = (line.number, line.transaction)
        if transaction != self._open:
            yield from self._end_transaction()
            self._open = transaction
        if line.kind is EntryKind.OPENING:
            self._began = line.number
        if line.holder is Holder.OPENING:
            self._is_whole = False
        yield from self._end_numbers(line.number)
        self._last = (line.number, line.line)
        moved = line.available + line.frozen
        self._sums[line.asset] = self._sums.get(line.asset, 0) + moved
        if line.holder is Holder.WORLD:
            self._world += moved
        if line.holder is not Holder.USER:
            return
        key = (line.account, line.asset)
        available, frozen = self._rows.get(key, _NOTHING)
        after = (line.available_after, line.frozen_after)
        if after != (available + line.available, frozen + line.frozen):
            text = (
                f"{line.account} had {available} available and {frozen} frozen of {line.asset}, "
                f"gained {line.available} and {line.frozen}, and has "
                f"{line.available_after} and {line.frozen_after}"
            )
            yield Violation(Law.LEDGER, _of_line(line), text)
        self._put(key, (line.available_after or 0, line.frozen_after or 0))

    def _put(self, key: _Key, row: _Row) -> None:
        if row == _NOTHING:
            self._rows.pop(key, None)
        else:
            self._rows[key] = row

    def _end_transaction(self) -> Iterator[Violation]:
        sums, self._sums = self._sums, {}
        number, line = self._open
        for asset, total in sums.items():
            if total:
                name = f"line {line} of the ledger's entry {number}"
                text = f"its transaction adds up to {total} of {asset}, not to nothing"
                yield Violation(Law.LEDGER, name, text)

    def _end_numbers(self, before: int) -> Iterator[Violation]:
        """Whether users had after the lines of each number what the log tells of it."""
        while self._told and (number := next(iter(self._told))) < before:
            told = self._told.pop(number)
            if self._began is None or number >= self._began:
                for key, row in told.items():
                    yield from self._difference(f"after entry {number}", key, row)

    def _difference(self, when: str, key: _Key, row: _Row) -> Iterator[Violation]:
        has = self._rows.get(key, _NOTHING)
        if has != row:
            text = (
                f"the ledger comes to {has[0]} available and {has[1]} frozen {when}, "
                f"and the log says {row[0]} and {row[1]}"
            )
            yield Violation(Law.LEDGER, f"{key[0]}'s {key[1]}", text)
            self._put(key, row)

    def _compare_state(self, state: State) -> Iterator[Violation]:
        """Whether the sums of all lines are what *state* says."""
        rows: Mapping[_Key, _Row] = {
            (row.user_id, row.asset): (row.available, row.frozen)
            for by_user in state.balances.values()
            for row in by_user.values()
        }
        for key in sorted(rows.keys() | self._rows.keys()):
            yield from self._difference("in the end", key, rows.get(key, _NOTHING))
        if self._is_whole and self._world != -state.deposited:
            text = (
                f"the ledger has {-self._world} micros from outside, and the log says "
                f"{state.deposited}"
            )
            yield Violation(Law.LEDGER, "the world's cash", text)


def _of_line(line: LedgerEntry) -> str:
    why = f"{line.kind.value} {line.reference}".rstrip()
    return f"line {line.line} of the ledger's entry {line.number} ({why})"
