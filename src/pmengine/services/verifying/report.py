"""What a verification looked at, and what it found."""

from __future__ import annotations

from collections import Counter

import attrs

from pmengine.invariants import Breach, Law
from pmstore import Position


@attrs.define
class Report:
    """
    What was looked at, and every breach once for each law and subject.

    `began_with` says where it began; `number` and `position` are the last entry that was
    looked at. `compared` counts records by what they were compared with; `notes` say what
    could not be looked at, and why.
    """

    began_with: str
    began_after: int
    breaches_max: int
    number: int
    position: Position | None
    entries: int = 0
    changes: int = 0
    commands: int = 0
    complete_checks: int = 0
    compared: Counter[str] = attrs.Factory(Counter)
    notes: list[str] = attrs.Factory(list)
    breaches: list[Breach] = attrs.Factory(list)
    ended_by_breach: bool = False
    """Whether nothing after the last breach could be looked at."""
    _known: set[tuple[Law, str]] = attrs.Factory(set)

    @property
    def is_full(self) -> bool:
        """Whether there are as many breaches as were asked for."""
        return len(self.breaches) >= self.breaches_max

    def add(self, breach: Breach) -> bool:
        """Take *breach* in, unless its law was seen broken for its subject; whether it was new."""
        key = (breach.violation.law, breach.violation.subject)
        if self.is_full or key in self._known:
            return False
        self._known.add(key)
        self.breaches.append(breach)
        return True

    def note(self, text: str) -> None:
        """Say once what could not be looked at."""
        if text not in self.notes:
            self.notes.append(text)
