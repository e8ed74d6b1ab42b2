"""Every step that can come next, of all parties and of misfortune, and the search over them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.engine_model import engines, followers
from tests.engine_model.log import excused, lose_tail
from tests.engine_model.world import Case, Input, State, canonical
from tests.searching import FAULT, Found, search

Step = tuple[str, State]


def explore(case: Case, *, states_max: int = 10**8) -> Found:
    """Follow every history of *case*, and look for a way to the end from each of its states."""
    return search(
        case.begin(),
        partial(steps, case=case),
        canonical=canonical,
        goal=case.is_answered,
        states_max=states_max,
    )


def steps(state: State, case: Case) -> Iterator[Step]:
    yield from _sending(state, case)
    yield from engines.steps(state, case)
    yield from followers.storing(state, case)
    yield from followers.relaying(state, case)
    if state.faults:
        yield from _misfortune(state._replace(faults=state.faults - 1), case)


def _sending(state: State, case: Case) -> Iterator[Step]:
    if case.senders_wait and all(one.stage != "leading" for one in state.engines):
        return
    for stream, left in enumerate(state.to_send):
        if left:
            to_send = list(state.to_send)
            to_send[stream] = left[1:]
            sent = state._replace(to_send=(to_send[0], to_send[1]))
            yield f"{left[0]} is sent", _sent(sent, case, stream, left[0])
    for name in sorted(set(state.to_repeat)):
        stream = 0 if name in case.sends[0] else 1
        if name not in state.to_send[stream]:
            left = state.to_repeat.replace(name, "", 1)
            again = _sent(state._replace(to_repeat=left), case, stream, name)
            yield f"{name} is sent again", again


def _sent(state: State, case: Case, stream: int, name: str) -> State:
    entry = state.sent + 1
    inputs = list(state.inputs)
    given = inputs[stream]
    position = entry if not case.senders_wait else given.last + 1
    inputs[stream] = Input((*given.entries, (position, entry, name)), position)
    return state._replace(inputs=(inputs[0], inputs[1]), sent=entry)


def _misfortune(state: State, case: Case) -> Iterator[Step]:
    """What befalls streams and snapshots; services have theirs where they are."""
    if "tail" in case.faults:
        for lost in range(1, min(case.lost_max, len(state.readable)) + 1):
            what = "entry" if lost == 1 else "entries"
            yield f"{FAULT}the log loses its last {lost} {what}", lose_tail(state, lost)
    if "input" in case.faults and (
        case.by_clock or all(one.stage == "down" for one in state.engines)
    ):
        for stream, given in enumerate(state.inputs):
            if given.entries:
                left = given.entries[:-1]
                last = left[-1][0] if left else given.entries[0][0] - 1
                inputs = list(state.inputs)
                inputs[stream] = Input(left, last)
                yield (
                    f"{FAULT}an input loses its last entry",
                    state._replace(inputs=(inputs[0], inputs[1])),
                )
    if "damage" in case.faults:
        for at, kept in enumerate(state.snapshots):
            if kept.is_good:
                snapshots = list(state.snapshots)
                snapshots[at] = kept._replace(is_good=False)
                damaged = state._replace(snapshots=tuple(snapshots))
                # Two accidents: what the log has lost was in this snapshot alone.
                yield f"{FAULT}a snapshot is damaged", excused(damaged)
    if "target" in case.faults and state.target:
        yield f"{FAULT}the target loses its last entry", state._replace(target=state.target[:-1])
