"""The state of the model: two engines, their inputs, the log, and who follows it."""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs

from tests.engine_model.books import BOOKS, UNREADABLE
from tests.engine_model.rules import Rules

NOBODY = -1


class Input(NamedTuple):
    entries: tuple[tuple[int, int, str], ...] = ()
    """Position, which entry it is of all that were ever sent, and its command."""
    last: int = 0


class Entry(NamedTuple):
    """An entry on the log."""

    link: int
    at: int
    """Its position; positions are never used again."""
    term: int
    """The leadership that wrote it."""
    books: int
    """What its writer knew after it; no rule reads it, laws do."""


class Append(NamedTuple):
    """An append to the log that is under way."""

    head: int
    link: int
    epoch: int
    term: int
    books: int
    made_at: int


class Engine(NamedTuple):
    stage: str = "down"
    """`down`, `loaded` a snapshot, `standby`, `elected` by the lease, or `leading`."""
    link: int = 0
    at: int = 0
    books: int = 0
    head: int = 0
    lost_tail: bool = False
    epoch: int = 0
    term: int = 0
    elected_at: int = 0
    pending: Append | None = None
    untold: bool = False
    """Whether it was not told what became of an append of it."""


class Lease(NamedTuple):
    epoch: int = 0
    holder: int = NOBODY
    term: int = 0


class Kept(NamedTuple):
    """A snapshot."""

    link: int
    at: int
    books: int
    is_good: bool = True


class Store(NamedTuple):
    is_up: bool = False
    link: int = 0
    at: int = 0
    books: int = 0


class Told(NamedTuple):
    """An entry of a projection: which entry of the log it tells of."""

    link: int
    at: int


class Relay(NamedTuple):
    stage: str = "asking"
    """`asking` a target how far it is, `reading` the log, `telling` the target, or `stopped`."""
    link: int = 0
    at: int = 0
    head: tuple[int, Told | None] = (0, None)
    carried: Told = Told(0, 0)


class State(NamedTuple):
    inputs: tuple[Input, Input] = (Input(), Input())
    to_send: tuple[str, str] = ("", "")
    to_repeat: str = ""
    """What senders without an answer, or who forgot it, send once more."""
    sent: int = 0
    log: tuple[Entry, ...] = ()
    trimmed: int = 0
    """How many of its first entries can be read no more."""
    clock: int = 0
    fence: int = 0
    lost_at: int = 0
    """When the log last lost its tail, 0: never."""
    lease: Lease = Lease()
    engines: tuple[Engine, ...] = (Engine(),)
    flying: tuple[Append, ...] = ()
    """Appends whose sender no longer waits for them."""
    snapshots: tuple[Kept, ...] = ()
    saves: int = 0
    store: Store | None = None
    target: tuple[Told, ...] = ()
    relays: tuple[Relay, ...] = ()
    noted: Told = Told(0, 0)
    """Where relays believe to be that do not ask the target."""
    owed: frozenset[str | int] = frozenset()
    """What senders were told is done, and no accident took from log, input and snapshots."""
    answers: frozenset[tuple[str, str]] = frozenset()
    faults: int = 0

    @property
    def readable(self) -> tuple[Entry, ...]:
        """What the log still holds."""
        return self.log[self.trimmed :]

    @property
    def last(self) -> Entry:
        return self.log[-1] if self.log else Entry(0, 0, 0, 0)


@attrs.frozen(kw_only=True)
class Case:
    """
    What is searched.

    Args:
        sends: The commands of both inputs, in the order in which they are sent.
        repeats: Commands that are sent once more with the same id, by who had no answer or
            forgot it.
        faults: Which may happen: `crash` of a service, `lapse` of a lease that is held,
            `untold` outcome of an append, `tail` of the log lost, `input` tail lost, `torn`
            snapshot, `damage` to a snapshot, `target` tail lost.
        faults_max: How many of them in one history.
        lost_max: How many entries of the log are lost at once.
        saves_max: How many snapshots the store service takes; 0: there is no such service.
        volatile: The inputs live in the memory of the engine.
        by_clock: The positions of inputs grow over every loss. Otherwise, and of volatile
            inputs, they count on from the last one there is, senders wait until somebody
            leads, and an input loses its tail only while nobody is up.
        strict: What was sent before the log lost its tail, and is taken after it, is held
            against the rules.
    """

    rules: Rules = Rules()
    sends: tuple[str, str] = ("", "")
    repeats: str = ""
    engines: int = 1
    relays: int = 0
    saves_max: int = 0
    faults: frozenset[str] = frozenset()
    faults_max: int = 0
    lost_max: int = 2
    volatile: bool = False
    by_clock: bool = True
    strict: bool = False

    def begin(self) -> State:
        """Nothing was sent, and every service is down."""
        return State(
            to_send=self.sends,
            to_repeat=self.repeats,
            engines=(Engine(),) * self.engines,
            saves=self.saves_max,
            store=Store() if self.saves_max else None,
            relays=(Relay(),) * self.relays,
            faults=self.faults_max,
        )

    def is_answered(self, state: State) -> bool:
        """Whether everything that was sent is done or refused and told, and somebody leads."""
        if state.to_send != ("", "") or not state.log:
            return False
        last = state.last
        leads = any(
            one.stage == "leading" and one.pending is None and one.link == last.link
            for one in state.engines
        )
        if not leads or (state.relays and state.target[-1:] != (Told(last.link, last.at),)):
            return False
        truth = BOOKS[last.books]
        if any(at < one.last for at, one in zip(truth.positions, state.inputs, strict=True)):
            return False
        answered = {name for name, _ in state.answers}
        known = {name for name, _ in (*truth.memory, *truth.done)} | {UNREADABLE}
        # Who was answered before the log lost its tail need not be answered again.
        answered |= known if state.lost_at else set()
        return all(
            (name in known and name in answered) or self._is_given_up(state, name)
            for name in "".join(self.sends)
        )

    def _is_given_up(self, state: State, name: str) -> bool:
        """Whether it died with a volatile input, and its sender asks no more."""
        return self.volatile and name not in state.to_repeat

    @property
    def senders_wait(self) -> bool:
        return self.volatile or not self.by_clock


def with_engine(state: State, which: int, engine: Engine, **changes: Any) -> State:
    engines = state.engines
    return state._replace(engines=(*engines[:which], engine, *engines[which + 1 :]), **changes)


def canonical(state: State) -> State:
    """The state with its engines in one order: which is called A does not matter."""
    if len(state.engines) < 2:
        return state
    (one, other), lease = state.engines, state.lease
    is_in_order = lease.holder != 1 if one == other else hash(one) <= hash(other)
    if is_in_order:
        return state
    if lease.holder != NOBODY:
        lease = lease._replace(holder=1 - lease.holder)
    return state._replace(engines=(other, one), lease=lease)
