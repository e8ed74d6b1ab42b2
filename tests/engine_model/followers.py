"""What follows the log: the store service with its snapshots, and the relay with its target."""

from __future__ import annotations

from collections.abc import Iterator

from tests.engine_model.books import BOOKS, LINKS
from tests.engine_model.log import Reader, answer, begin, follow, is_behind, lies_on
from tests.engine_model.world import Case, Entry, Input, Kept, Relay, State, Store, Told
from tests.searching import FAULT, Broken

Step = tuple[str, State]


def storing(state: State, case: Case) -> Iterator[Step]:
    """The store service: fold, save, trim."""
    store = state.store
    if store is None:
        return
    if not store.is_up:
        found = begin(state, case)
        if found is not None:
            reader = Reader(found.link, found.at, found.books)
            read = reader if found.lost_tail else follow(state, case, reader)
            if read is not None:
                yield (
                    f"the store service recovers to entry {LINKS[read.link].number}",
                    state._replace(store=Store(True, *read)),
                )
        return
    if state.faults and "crash" in case.faults:
        crashed = state._replace(store=Store(), faults=state.faults - 1)
        yield f"{FAULT}the store service crashes", crashed
    if is_behind(state, store.at):
        read = follow(state, case, Reader(store.link, store.at, store.books), limit=1)
        if read is None:
            step = "the store service meets a gap, and begins anew"
            yield step, state._replace(store=Store())
        else:
            yield (
                f"the store service folds entry {LINKS[read.link].number}",
                state._replace(store=Store(True, *read)),
            )
    saved = max((LINKS[kept.link].number for kept in state.snapshots), default=0)
    number = LINKS[store.link].number
    if state.saves and number > saved:
        spent = state._replace(saves=state.saves - 1)
        kept = Kept(store.link, store.at, store.books)
        yield (
            f"the store service saves the snapshot of entry {number}, and trims",
            _saved(spent, case, kept),
        )
        if state.faults and "torn" in case.faults:
            torn = spent._replace(faults=state.faults - 1)
            # What is read back and found torn is as if it had not been written.
            if not case.rules.snapshots_are_read_back:
                torn = _saved(torn, case, kept._replace(is_good=False))
            yield f"{FAULT}the snapshot of entry {number} is torn", torn


def _saved(state: State, case: Case, kept: Kept) -> State:
    rules = case.rules
    needed = 2 if rules.two_snapshots_before_trimming else 1
    snapshots = (*state.snapshots, kept)
    counted = [one for one in snapshots if one.is_good or not rules.snapshots_are_read_back]
    counted = counted[-needed:]
    if counted:
        # What is older than the oldest that counts goes.
        snapshots = snapshots[snapshots.index(counted[0]) :]
    state = state._replace(snapshots=snapshots)
    if len(counted) < needed:
        return state
    if rules.snapshots_of_lost_entries_do_not_count and not all(
        lies_on(state.readable, one) for one in (counted[0], kept)
    ):
        return state
    return _trimmed(state, case, counted[0], kept)


def _trimmed(state: State, case: Case, oldest: Kept, newest: Kept) -> State:
    rules = case.rules
    through = oldest.at if rules.log_is_kept_from_the_oldest_snapshot else newest.at
    if state.relays and rules.log_is_kept_for_projections:
        through = min(through, state.target[-1].at if state.target else 0)
    trimmed = state.trimmed
    while trimmed < len(state.log) - 1 and state.log[trimmed].at <= through:
        trimmed += 1
    is_kept = rules.inputs_are_kept_from_the_oldest_snapshot
    positions = BOOKS[(oldest if is_kept else newest).books].positions
    seen = BOOKS[state.last.books].seen
    inputs = []
    for given, position in zip(state.inputs, positions, strict=True):
        for at, entry, name in given.entries:
            if at <= position and entry not in seen and not state.lost_at:
                raise Broken(f"processed: {name} is trimmed, and was never taken")
        left = tuple(one for one in given.entries if one[0] > position)
        inputs.append(Input(left, given.last))
    return state._replace(trimmed=trimmed, inputs=(inputs[0], inputs[1]))


def relaying(state: State, case: Case) -> Iterator[Step]:
    """The relays: ask the target how far it is, read what follows, append it behind that."""
    for at, relay in enumerate(state.relays):
        if at and relay == state.relays[0]:
            continue
        yield from _relaying(state, case, at, relay)


def _relaying(state: State, case: Case, at: int, relay: Relay) -> Iterator[Step]:
    end = (len(state.target), state.target[-1] if state.target else None)
    if relay.stage == "asking":
        place = end[1] or Told(0, 0)
        if not case.rules.targets_say_how_far_they_are:
            place = state.noted
        known = Relay("reading", place.link, place.at, end)
        yield (
            f"a relay goes on after entry {LINKS[place.link].number}",
            _with_relay(state, at, known),
        )
        return
    if state.faults and "crash" in case.faults:
        crashed = _with_relay(state, at, Relay())._replace(faults=state.faults - 1)
        yield f"{FAULT}a relay crashes", crashed
    if relay.stage == "reading":
        if not case.rules.targets_say_how_far_they_are and state.noted.at < relay.at:
            noted = Told(relay.link, relay.at)
            yield "a relay notes its place", state._replace(noted=noted)
        entry = _next(state, relay)
        if entry is not None:
            number = LINKS[entry.link].number
            if not _continues(relay, entry):
                # Another relay may have told the target of what is gone.
                is_overtaken = relay.head != end
                left = Relay() if is_overtaken else relay._replace(stage="stopped")
                what = "asks again" if is_overtaken else "stops"
                yield f"a relay meets entry {number} and {what}", _with_relay(state, at, left)
            else:
                carried = relay._replace(stage="telling", carried=Told(entry.link, entry.at))
                yield f"a relay reads entry {number}", _with_relay(state, at, carried)
    elif relay.stage == "telling":
        told = relay.carried
        number = LINKS[told.link].number
        if relay.head != end and case.rules.targets_are_appended_behind_their_last:
            step = f"a relay is refused its entry of number {number}, and asks again"
            yield step, _with_relay(state, at, Relay())
            return
        _check_told(state, told)
        target = (*state.target, told)
        knows = Relay("reading", told.link, told.at, (len(target), told))
        after = _with_relay(state, at, knows)._replace(target=target)
        yield (
            f"a relay tells the target of entry {number}",
            answer(after, LINKS[told.link].facts),
        )


def _next(state: State, relay: Relay) -> Entry | None:
    return next((entry for entry in state.readable if entry.at > relay.at), None)


def _continues(relay: Relay, entry: Entry) -> bool:
    number, link = LINKS[relay.link].number, LINKS[entry.link]
    if link.number == number + 1:
        return link.prev == relay.link
    # The log lost its tail: readers of the projection see the number jump.
    return link.restored or link.number <= number


def _check_told(state: State, told: Told) -> None:
    number, link = LINKS[told.link].number, LINKS[told.link]
    if told in state.target:
        raise Broken(f"projected once: the target is told of entry {number} again")
    last = state.target[-1].link if state.target else 0
    follows = number == LINKS[last].number + 1 and link.prev == last
    bridges = link.restored or number <= LINKS[last].number
    if not follows and not (state.lost_at and bridges):
        raise Broken(f"projected once: entry {number} is told after entry {LINKS[last].number}")


def _with_relay(state: State, at: int, relay: Relay) -> State:
    relays = [*state.relays]
    relays[at] = relay
    # Relays have no names: which is the first does not matter.
    return state._replace(relays=tuple(sorted(relays, key=hash)))
