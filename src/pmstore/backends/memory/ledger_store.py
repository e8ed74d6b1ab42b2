"""The ledger in memory."""

from __future__ import annotations

from collections.abc import Sequence

from pmstore.backends.memory.ordered_keys import OrderedKeys
from pmstore.backends.memory.sources import Sources
from pmstore.models.ledger import Holder, LedgerEntry
from pmstore.models.position import Position
from pmstore.models.query import JournalQuery, LedgerQuery, Page
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import check_entries
from pmstore.storage.copies import copy_entry
from pmstore.storage.cursor import read_cursor
from pmstore.storage.lifetime import Lifetime
from pmstore.storage.matching import entry_matches
from pmstore.storage.pages import entry_place, journal_place, page_of

_Line = tuple[int, int]
_Place = tuple[int, str, int, int]


class MemoryLedgerStore(Lifetime):
    """
    Keeps each line of the ledger once in this process; a `LedgerStore`.

    Hands out copies and keeps copies; every verb is one step of the event loop. `apply` and
    `position` make it `Positioned` over entries.
    """

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, dict[_Line, LedgerEntry]] = {}
        self._lines: dict[str, OrderedKeys[_Line]] = {}
        self._by_user: dict[str, OrderedKeys[_Place]] = {}
        self._sources = Sources()

    async def append(self, entries: Sequence[LedgerEntry], /) -> None:
        """Add entries; see `LedgerStore.append`."""
        self.check_call(len(entries))
        check_entries(entries)
        self._put(entries)

    async def find(self, query: LedgerQuery, /) -> Page[LedgerEntry]:
        """The entries of a user, newest first; see `LedgerStore.find`."""
        self.check_call()
        after: _Place | None = None
        if query.after is not None:
            timestamp, source, number, line = read_cursor(query.after, int, str, int, int)
            after = (int(timestamp), str(source), int(number), int(line))
        if query.end_ms is not None:
            end: _Place = (query.end_ms, "", -1, -1)
            after = end if after is None else min(after, end)
        found: list[LedgerEntry] = []
        places = self._by_user.get(query.user_id)
        for _, source, number, line in () if places is None else places.below(after):
            entry = self._entries[source][number, line]
            if query.start_ms is not None and entry.timestamp < query.start_ms:
                break
            if entry_matches(entry, query):
                found.append(copy_entry(entry))
                if len(found) > query.limit:
                    break
        return page_of(found, query.limit, entry_place)

    async def journal(self, query: JournalQuery, /) -> Page[LedgerEntry]:
        """The entries of a source, oldest first; see `LedgerStore.journal`."""
        self.check_call()
        after: _Line = (query.from_number, -1)
        if query.after is not None:
            number, line = read_cursor(query.after, int, int)
            after = max(after, (int(number), int(line)))
        found: list[LedgerEntry] = []
        lines = self._lines.get(query.source)
        for at in () if lines is None else lines.above(after):
            found.append(copy_entry(self._entries[query.source][at]))
            if len(found) > query.limit:
                break
        return page_of(found, query.limit, journal_place)

    async def apply(
        self, changes: Sequence[LedgerEntry], /, *, source: str, position: Position
    ) -> Applied:
        """Append *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        if self._sources.has_had(source, position):
            return Applied.DUPLICATE
        check_entries(changes)
        self._put(changes)
        self._sources.move(source, position)
        return Applied.APPLIED

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return self._sources.position(source)

    def _put(self, entries: Sequence[LedgerEntry]) -> None:
        for entry in entries:
            of_source = self._entries.setdefault(entry.source, {})
            at = (entry.number, entry.line)
            if at in of_source:
                continue
            of_source[at] = copy_entry(entry)
            self._lines.setdefault(entry.source, OrderedKeys()).add(at)
            if entry.holder is Holder.USER:
                self._by_user.setdefault(entry.account, OrderedKeys()).add(entry_place(entry))
