"""
What an engine knows, and the facts that tell it to others.

A command is a letter: `a` and `c` are done, `b` is done only after `a` and refused before,
`n` has no id and is done whenever it is met, `?` cannot be read. The counterparts are
`pmengine.engine` (`handle`) and `pmstore.State` (`apply_batch`).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from tests.engine_model.rules import Rules

NO_ID = "n"
UNREADABLE = "?"


class Fact(NamedTuple):
    what: str
    """`done`, `refused`, `again` or `unreadable`."""
    name: str
    entry: int
    """Which entry of an input it answers."""
    outcome: str


class Link(NamedTuple):
    """An entry of the log, as far as its hash covers it."""

    number: int
    prev: int
    epoch: int
    positions: tuple[int, int]
    """How far both inputs are consumed."""
    facts: tuple[Fact, ...]
    restored: bool


class Books(NamedTuple):
    done: tuple[tuple[str, int], ...] = ()
    memory: tuple[tuple[str, str], ...] = ()
    """The ids that were answered, and how."""
    positions: tuple[int, int] = (0, 0)
    seen: frozenset[int] = frozenset()
    """The input entries that were taken; no rule reads it, laws do."""


T = TypeVar("T", bound=Hashable)


class Register(Generic[T]):
    """Gives equal things one number, so that a state of the model is small."""

    def __init__(self, first: T) -> None:
        self._numbers: dict[T, int] = {first: 0}
        self._things = [first]

    def number(self, thing: T) -> int:
        found = self._numbers.setdefault(thing, len(self._things))
        if found == len(self._things):
            self._things.append(thing)
        return found

    def __getitem__(self, number: int) -> T:
        return self._things[number]


LINKS: Register[Link] = Register(Link(0, 0, 0, (0, 0), (), False))
"""A link's number is its hash: it covers the link before, and so all of them."""
BOOKS: Register[Books] = Register(Books())


def is_prefix(link: int, of: int) -> bool:
    """Whether *link* is the last entry of a beginning of the history that ends with *of*."""
    number = LINKS[link].number
    while LINKS[of].number > number:
        of = LINKS[of].prev
    return of == link


def take(books: Books, stream: int, position: int, entry: int, name: str) -> tuple[Books, Fact]:
    """Do a command of an input."""
    positions = (position, books.positions[1]) if stream == 0 else (books.positions[0], position)
    books = books._replace(positions=positions, seen=books.seen | {entry})
    if name == UNREADABLE:
        return books, Fact("unreadable", name, entry, "malformed")
    known = dict(books.memory)
    if name in known:
        return books, Fact("again", name, entry, known[name])
    is_done = name != "b" or any(done == "a" for done, _ in books.done)
    fact = Fact("done" if is_done else "refused", name, entry, "done" if is_done else "no")
    return apply(books, fact, True, True), fact


def apply(books: Books, fact: Fact, ids: bool, refusals: bool) -> Books:
    if fact.what == "done":
        books = books._replace(done=(*books.done, (fact.name, fact.entry)))
    told = ids if fact.what == "done" else refusals if fact.what == "refused" else False
    if told and fact.name != NO_ID:
        memory = sorted({*books.memory, (fact.name, fact.outcome)})
        books = books._replace(memory=tuple(memory))
    return books


def fold(books: int, link: int, rules: Rules) -> int:
    """What a reader of the log knows after the entry *link*."""
    entry, known = LINKS[link], BOOKS[books]
    for fact in entry.facts:
        known = apply(known, fact, rules.ids_are_facts, rules.refusals_are_facts)
    seen = known.seen | {fact.entry for fact in entry.facts}
    return BOOKS.number(known._replace(positions=entry.positions, seen=seen))
