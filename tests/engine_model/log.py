"""The log: what it takes, what it forgets, who reads it, and the laws about all of that."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tests.engine_model.books import (
    BOOKS,
    LINKS,
    NO_ID,
    UNREADABLE,
    Books,
    Fact,
    apply,
    fold,
    is_prefix,
)
from tests.engine_model.world import Append, Case, Engine, Entry, Kept, State
from tests.searching import Broken


class Reader(NamedTuple):
    """Where somebody stands who folds the log."""

    link: int
    at: int
    books: int


def append(state: State, case: Case, one: Append) -> tuple[State, str]:
    """The state after the log has seen *one*, and whether it was `taken`, `own` or `refused`."""
    rules, last = case.rules, state.last
    if rules.lower_epochs_are_fenced and one.epoch < state.fence:
        return state, "refused"
    if rules.appends_name_the_head and last.link != one.head:
        is_own = last.link == one.link and rules.own_batch_is_success
        return state, "own" if is_own else "refused"
    _check_entry(state, one)
    if one.made_at < state.lost_at and not case.strict:
        # Sent before the loss by one who could not know of it: what is lost is said.
        state = excused(state, [BOOKS[one.books]])
    clock = state.clock + 1
    entry = Entry(one.link, clock, one.term, one.books)
    state = state._replace(log=(*state.log, entry), clock=clock, fence=max(state.fence, one.epoch))
    _check_owed(state, BOOKS[one.books], _named(one))
    if not state.relays:
        state = answer(state, LINKS[one.link].facts)
    return state, "taken"


def _check_entry(state: State, one: Append) -> None:
    link, last, books = LINKS[one.link], state.last, BOOKS[one.books]
    before = last
    if link.restored:
        if not is_prefix(last.link, link.prev):
            raise Broken("one history: an engine goes on above one that the log is not part of")
    elif link.prev != last.link or link.number != LINKS[last.link].number + 1:
        raise Broken(f"one history: entry {link.number} does not continue the entry before it")
    else:
        folded = BOOKS[before.books]
        for fact in link.facts:
            folded = apply(folded, fact, True, True)
        if folded.done != books.done:
            raise Broken(f"facts: those of entry {link.number} do not give what its writer knows")
    for entry in state.log:
        if entry.term != one.term and LINKS[entry.link].epoch >= link.epoch:
            raise Broken(f"epochs: epoch {link.epoch} writes after {LINKS[entry.link].epoch}")
    _check_once(books, _named(one))
    for given, position in zip(state.inputs, link.positions, strict=True):
        for at, entry, name in given.entries:
            if at <= position and entry not in books.seen:
                raise Broken(f"processed: {_named(one)} passes {name} over, which was never taken")


def _named(one: Append) -> str:
    return f"entry {LINKS[one.link].number} of epoch {one.epoch}"


def _check_once(books: Books, named: str) -> None:
    done = Counter(entry if name == NO_ID else name for name, entry in books.done)
    for what, times in done.items():
        if times > 1:
            name = NO_ID if isinstance(what, int) else what
            raise Broken(f"once: with {named} {name} is done {times} times")


def _check_owed(state: State, books: Books, named: str) -> None:
    for one in state.owed - _done(books):
        name = NO_ID if isinstance(one, int) else one
        raise Broken(f"kept: {name} was answered, and {named} goes on without it")


def _done(books: Books) -> frozenset[str | int]:
    return frozenset(entry if name == NO_ID else name for name, entry in books.done)


def answer(state: State, facts: tuple[Fact, ...]) -> State:
    """Tell who asked what became of it."""
    answers, owed = state.answers, state.owed
    done = _done(BOOKS[state.last.books])
    for fact in facts:
        is_done = fact.what in ("done", "again") and fact.outcome == "done"
        what = fact.entry if fact.name == NO_ID else fact.name
        if is_done and what not in done:
            if state.lost_at:
                # It was on the log, when this was read from it.
                continue
            raise Broken(f"answered from the log: {fact.name} was, and is not on it")
        for name, outcome in answers:
            if name == fact.name and outcome != fact.outcome:
                raise Broken(f"one answer: {name} was answered {outcome}, then {fact.outcome}")
        answers |= {(fact.name, fact.outcome)}
        owed |= {what} if is_done else set()
    return state._replace(answers=answers, owed=owed)


def _held(state: State) -> list[Books]:
    """What is known to the log, and to the snapshots that it is a beginning of."""
    last = state.last
    kept = (one for one in state.snapshots if one.is_good and is_prefix(last.link, one.link))
    return [BOOKS[last.books], *(BOOKS[one.books] for one in kept)]


def excused(state: State, left: list[Books] | None = None) -> State:
    """Owe only what is in one of *left*; unset, what log and snapshots hold."""
    left = _held(state) if left is None else left
    done = frozenset().union(*map(_done, left))
    known = {pair for books in left for pair in books.memory}
    answers = (one for one in state.answers if one in known or one[0] in (NO_ID, UNREADABLE))
    return state._replace(owed=state.owed & done, answers=frozenset(answers))


def lose_tail(state: State, entries: int) -> State:
    """The log as it was *entries* ago."""
    log = state.log[:-entries]
    clock = state.clock + 1
    state = state._replace(
        log=log,
        trimmed=state.trimmed if len(log) > state.trimmed else 0,
        clock=clock,
        lost_at=clock,
        fence=max((LINKS[one.link].epoch for one in log), default=0),
    )
    if not state.readable:
        state = state._replace(log=())
    return excused(state)


def follow(state: State, case: Case, reader: Reader, *, limit: int = 100) -> Reader | None:
    """The reader after what is behind it on the log; None if that does not continue it."""
    for entry in state.readable:
        if entry.at <= reader.at:
            continue
        if not limit:
            break
        limit -= 1
        link = LINKS[entry.link]
        if case.rules.readers_check_the_chain:
            number = LINKS[reader.link].number
            if link.number != number + 1 or link.prev != reader.link:
                return None
        reader = Reader(entry.link, entry.at, fold(reader.books, entry.link, case.rules))
        if BOOKS[reader.books].done != BOOKS[entry.books].done:
            raise Broken(
                f"one history: a reader of entry {link.number} knows another than its writer"
            )
    return reader


def is_behind(state: State, at: int) -> bool:
    """Whether the log has something after *at*."""
    return bool(state.readable) and state.last.at > at


def begin(state: State, case: Case) -> Engine | None:
    """How a reader begins: with the newest snapshot that fits the log, or at the log's begin."""
    readable, last = state.readable, state.last
    for kept in reversed(state.snapshots):
        if not kept.is_good:
            continue
        books = kept.books
        if not case.rules.positions_in_snapshots:
            books = BOOKS.number(BOOKS[books]._replace(positions=(0, 0)))
        found = Engine("loaded", kept.link, kept.at, books, last.link)
        if LINKS[kept.link].number > LINKS[last.link].number:
            if case.rules.lost_tails_are_prefixes and not is_prefix(last.link, kept.link):
                continue
            if case.rules.goes_on_above_the_snapshot:
                return found._replace(at=last.at, lost_tail=True)
        elif lies_on(readable, kept) or not case.rules.snapshots_lie_on_the_log:
            return found
    if state.trimmed == 0:
        return Engine("loaded")
    return None


def lies_on(readable: tuple[Entry, ...], kept: Kept) -> bool:
    """Whether the entry that a snapshot ends with is on the log, or would be but for trimming."""
    for entry in readable:
        if entry.at == kept.at:
            return entry.link == kept.link
        if entry.at > kept.at:
            return LINKS[entry.link].prev == kept.link
    return False
