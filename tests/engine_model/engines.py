"""What an engine does: recover, stand by, be elected, lead."""

from __future__ import annotations

from collections.abc import Iterator

from tests.engine_model.books import BOOKS, LINKS, UNREADABLE, Books, Fact, Link, take
from tests.engine_model.log import Reader, answer, append, begin, follow, is_behind
from tests.engine_model.world import (
    NOBODY,
    Append,
    Case,
    Engine,
    Input,
    Lease,
    State,
    with_engine,
)
from tests.searching import FAULT, Broken

Step = tuple[str, State]


def steps(state: State, case: Case) -> Iterator[Step]:
    for which, one in enumerate(state.engines):
        name = "AB"[which]
        if one.stage == "down":
            yield from _recovering(state, case, which, name)
        elif one.stage == "loaded":
            yield from _following(state, case, which, one, f"{name} folds the log after it")
        elif one.stage == "standby":
            yield from _standing_by(state, case, which, one, name)
        elif one.stage == "elected":
            yield from _elected(state, case, which, one, name)
        else:
            yield from _leading(state, case, which, one, name)
        if one.stage != "down" and state.faults and "crash" in case.faults:
            yield f"{FAULT}{name} crashes", _crashed(state, case, which)
    if state.lease.holder != NOBODY:
        yield from _lapsing(state, case)
    for at, flight in enumerate(state.flying):
        left = state._replace(flying=state.flying[:at] + state.flying[at + 1 :])
        after, told = append(left, case, flight)
        number = LINKS[flight.link].number
        yield f"an earlier append of entry {number} arrives, and is {told}", after


def _recovering(state: State, case: Case, which: int, name: str) -> Iterator[Step]:
    found = begin(state, case)
    if found is None:
        return
    number = LINKS[found.link].number
    if found.lost_tail:
        step = f"{name} loads the snapshot of entry {number}, beyond the log's end"
        yield step, with_engine(state, which, found._replace(stage="standby"))
        return
    step = f"{name} loads the snapshot of entry {number}" if number else f"{name} begins empty"
    if state.store is not None:
        yield step, with_engine(state, which, found)
    else:
        # Nobody trims meanwhile: the two steps are one.
        yield from _following(state, case, which, found, f"{step} and folds the log")


def _read(state: State, case: Case, one: Engine) -> Engine | None:
    """The engine at the end of the log; None if the log does not go on where it stands."""
    reader = follow(state, case, Reader(one.link, one.at, one.books))
    if reader is None:
        return None
    if reader.at == one.at:
        return one
    return one._replace(
        link=reader.link, at=reader.at, books=reader.books, head=reader.link, lost_tail=False
    )


def _following(state: State, case: Case, which: int, one: Engine, step: str) -> Iterator[Step]:
    read = _read(state, case, one)
    if read is None:
        yield f"{step}: it does not go on there", _down(state, which)
        return
    yield step, with_engine(state, which, read._replace(stage="standby"))


def _standing_by(state: State, case: Case, which: int, one: Engine, name: str) -> Iterator[Step]:
    if is_behind(state, one.at):
        yield from _following(state, case, which, one, f"{name} follows the log")
    if state.lease.holder != NOBODY:
        return
    held = state.lease
    epoch = held.epoch + 1 if case.rules.epochs_grow else 1
    lease = Lease(epoch, which, held.term + 1)
    elected = one._replace(stage="elected", epoch=epoch, term=lease.term, elected_at=state.clock)
    after = with_engine(state, which, elected, lease=lease)
    step = f"{name} takes the lease, epoch {epoch}"
    if case.rules.lease_then_log:
        yield step, after
    else:
        yield f"{step}, and leads", _claiming(after, case, which, elected)


def _elected(state: State, case: Case, which: int, one: Engine, name: str) -> Iterator[Step]:
    step = f"{name} reads the log to its end"
    read = _read(state, case, one)
    if read is None:
        yield f"{step}: it does not go on there", _down(state, which)
        return
    number = LINKS[read.link].number
    beyond = any(LINKS[kept.link].number > number for kept in state.snapshots)
    if beyond and case.rules.leaders_look_for_snapshots:
        found = begin(state, case)
        anew = found if found is None or found.lost_tail else _read(state, case, found)
        if anew is not None and anew.link != read.link:
            step = f"{step}, recovers anew from a snapshot beyond it"
            lease = (read.epoch, read.term, read.elected_at)
            read = anew._replace(epoch=lease[0], term=lease[1], elected_at=lease[2])
    consumed = BOOKS[read.books].positions
    for at, (given, position) in enumerate(zip(state.inputs, consumed, strict=True)):
        if given.last < position and not case.volatile and case.rules.inputs_reach_the_position:
            inputs = list(state.inputs)
            inputs[at] = Input(given.entries, position)
            yield (
                f"{name} stops, and the operator lets an input go on after {position}",
                state._replace(inputs=(inputs[0], inputs[1])),
            )
            return
    yield f"{step}, and leads", _claiming(state, case, which, read)


def _claiming(state: State, case: Case, which: int, one: Engine) -> State:
    """The leader's first entry is under way: it changes nothing, but who may write."""
    books = BOOKS[one.books]
    prev = one.link
    if one.lost_tail and not case.rules.restored_has_the_next_number:
        prev = one.head
    link = Link(
        number=LINKS[prev].number + 1,
        prev=prev,
        epoch=one.epoch,
        positions=_told(case, (0, 0), books, (0, 0)),
        facts=(),
        restored=one.lost_tail and case.rules.restored_has_the_next_number,
    )
    one = _with_pending(state, one, link, one.books)
    inputs = state.inputs
    if case.volatile and case.rules.fresh_inputs_begin_behind:
        inputs = tuple(  # type: ignore[assignment]
            given._replace(last=max(given.last, position))
            for given, position in zip(inputs, books.positions, strict=True)
        )
    return with_engine(state, which, one._replace(stage="leading"), inputs=inputs)


def _told(
    case: Case, read: tuple[int, int], after: Books, before: tuple[int, int]
) -> tuple[int, int]:
    """The positions that a batch names."""
    rules = case.rules
    if not rules.positions_with_the_facts:
        return before
    if not rules.every_position_in_every_batch:
        return read
    return after.positions


def _with_pending(state: State, one: Engine, link: Link, books: int) -> Engine:
    pending = Append(one.head, LINKS.number(link), one.epoch, one.term, books, state.clock)
    return one._replace(pending=pending, untold=False)


def _leading(state: State, case: Case, which: int, one: Engine, name: str) -> Iterator[Step]:
    if state.lease.term != one.term or state.lease.holder != which:
        yield f"{name} learns that its lease is over", _down(state, which)
    if one.pending is not None:
        yield from _appending(state, case, which, one, one.pending, name)
        return
    books = BOOKS[one.books]
    if state.last.link != one.link or _is_untold(state):
        # Otherwise nothing follows from such an entry.
        yield f"{name} takes what falls due", _taken(state, case, which, one, books, None, 0)
    for stream, given in enumerate(state.inputs):
        for position, entry, command in given.entries:
            if position > books.positions[stream]:
                if command == UNREADABLE and not case.rules.unreadable_input_is_answered:
                    break
                after, fact = take(books, stream, position, entry, command)
                yield (
                    f"{name} takes {command}: {fact.what}",
                    _taken(state, case, which, one, after, fact, stream),
                )
                break


def _is_untold(state: State) -> bool:
    """Whether the target lacks what no relay looks for before there is something new."""
    last = state.last
    return bool(state.relays) and all(
        relay.stage == "reading" and relay.at == last.at and state.target[-1:] != (relay.head[1],)
        for relay in state.relays
    )


def _taken(
    state: State,
    case: Case,
    which: int,
    one: Engine,
    after: Books,
    fact: Fact | None,
    stream: int,
) -> State:
    before = BOOKS[one.books].positions
    position = after.positions[stream]
    read = (position, 0) if stream == 0 else (0, position)
    link = Link(
        number=LINKS[one.link].number + 1,
        prev=one.link,
        epoch=one.epoch,
        positions=_told(case, read, after, before),
        facts=() if fact is None else (fact,),
        restored=False,
    )
    one = _with_pending(state, one, link, BOOKS.number(after))
    after_it = with_engine(state, which, one)
    if fact is not None and not case.rules.answers_follow_the_log:
        return answer(after_it, (fact,))
    return after_it


def _appending(
    state: State, case: Case, which: int, one: Engine, pending: Append, name: str
) -> Iterator[Step]:
    number = LINKS[pending.link].number
    after, told = append(state, case, pending)
    if told == "refused":
        _check_cause(state, one, pending, name)
        yield f"{name} is refused entry {number}", _down(state, which)
    else:
        done = one._replace(
            link=pending.link,
            at=after.last.at,
            books=pending.books,
            head=pending.link,
            lost_tail=False,
            pending=None,
            untold=False,
        )
        step = f"{name} appends entry {number}"
        if told == "own":
            step = f"{name} finds its entry {number} at the end"
        yield step, with_engine(after, which, done)
    if one.untold:
        if case.rules.never_ahead_of_the_log:
            yield f"{name} gives entry {number} up", _down(state, which)
        else:
            ahead = one._replace(books=pending.books, pending=None, untold=False)
            yield f"{name} gives entry {number} up, and goes on", with_engine(state, which, ahead)
    elif state.faults and "untold" in case.faults:
        yield (
            f"{FAULT}{name} is not told what became of its append of entry {number}",
            with_engine(
                state,
                which,
                one._replace(untold=True),
                flying=(*state.flying, pending),
                faults=state.faults - 1,
            ),
        )


def _check_cause(state: State, one: Engine, pending: Append, name: str) -> None:
    for entry in state.log:
        is_other = entry.term != one.term and entry.at > one.elected_at
        # An append of its own that it gave up, and that arrived all the same.
        is_given_up = entry.term == one.term and entry.link not in (one.link, pending.link)
        if is_other or (is_given_up and entry.at > one.at):
            return
    if state.lost_at:
        return
    raise Broken(
        f"refused with cause: {name} is refused, and since it was elected nobody else wrote"
    )


def _down(state: State, which: int) -> State:
    """It drops its state, and gives the lease back if it is its own."""
    one, lease = state.engines[which], state.lease
    if lease.holder == which and lease.term == one.term:
        lease = lease._replace(holder=NOBODY)
    return with_engine(state, which, Engine(), lease=lease)


def _crashed(state: State, case: Case, which: int) -> State:
    state = with_engine(state, which, Engine(), faults=state.faults - 1)
    if case.volatile:
        # Its appends die with it too: a file is written by the process that locks it.
        state = state._replace(inputs=(Input(), Input()), flying=())
    return state


def _lapsing(state: State, case: Case) -> Iterator[Step]:
    lease = state.lease
    holder = state.engines[lease.holder]
    free = state._replace(lease=lease._replace(holder=NOBODY))
    if holder.stage not in ("elected", "leading") or holder.term != lease.term:
        yield "the lease runs out", free
    elif state.faults and "lapse" in case.faults:
        yield (
            f"{FAULT}{'AB'[lease.holder]} does not renew the lease in time",
            free._replace(faults=state.faults - 1),
        )
