"""An outbox in memory, written in the same step of the event loop as the change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from pmstore.clock import Clock, system_clock
from pmstore.protocols.outbox import Backlog, Note

K = TypeVar("K")


class MemoryOutbox(Generic[K]):
    """Notes for each kept reader; an `Outbox`. It lives as long as the store that it is of."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._seq = 0
        self._notes: dict[str, dict[int, tuple[Note[K], int]]] = {}
        self._dead: dict[str, dict[int, Note[K]]] = {}

    def write(self, changes: Iterable[tuple[K, int]]) -> None:
        """Note (key, least) for every reader; called in the step of the change."""
        if not self._notes:
            return
        now_ms = self._clock()
        for key, least in changes:
            for notes in self._notes.values():
                self._seq += 1
                notes[self._seq] = (Note(self._seq, key, least), now_ms)

    async def keep(self, reader: str, kept: bool = True, /) -> bool:
        """Write notes for *reader* from now on, or no longer; see `Outbox.keep`."""
        if kept == (reader in self._notes):
            return False
        if kept:
            self._notes[reader] = {}
        else:
            del self._notes[reader]
            self._dead.pop(reader, None)
        return True

    async def readers(self) -> list[str]:
        """Who is kept; see `Outbox.readers`."""
        return sorted(self._notes)

    async def notes(self, reader: str, limit: int, /, *, dead: bool = False) -> list[Note[K]]:
        """The oldest notes of *reader*; see `Outbox.notes`."""
        if dead:
            return list(self._dead.get(reader, {}).values())[:limit]
        found = self._notes.get(reader, {})
        return [note for note, _ in list(found.values())[:limit]]

    async def forget(
        self, reader: str, notes: Sequence[Note[K]], /, *, everything: bool = False
    ) -> None:
        """Delete exactly these; see `Outbox.forget`."""
        known, dead = self._notes.get(reader), self._dead.get(reader, {})
        for note in notes:
            dead.pop(note.seq, None)
            if known is not None:
                known.pop(note.seq, None)
        if everything and known is not None:
            self._seq += 1
            known[self._seq] = (Note(self._seq, None, 0), self._clock())

    async def bury(self, reader: str, notes: Sequence[Note[K]], reason: str, /) -> None:
        """Move these to the dead letters; see `Outbox.bury`."""
        known, dead = self._notes.get(reader, {}), self._dead.setdefault(reader, {})
        for note in notes:
            if known.pop(note.seq, None) is not None:
                dead[note.seq] = note._replace(reason=reason)

    async def backlog(self, reader: str, /) -> Backlog:
        """Depth and age of what *reader* has; see `Outbox.backlog`."""
        notes = self._notes.get(reader, {})
        if not notes:
            return Backlog(depth=0, lag_s=0.0)
        _, since_ms = next(iter(notes.values()))
        return Backlog(depth=len(notes), lag_s=max(0.0, (self._clock() - since_ms) / 1000))
