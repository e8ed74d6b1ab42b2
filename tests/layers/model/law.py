"""
The rules of layered stores as a small machine: one record, two processes, three layers.

Each process has a memory cache; both share one cache; behind it is the truth with its outbox
and a channel. Every step between two awaits of the real code is one action here; faults are
actions too. Versions grow by one with each write; a removed record keeps its version.

Time is one event: `age` says that `cache_max_age_s` have passed. What was committed before it
must be read after it, trust that was given by a round begun before it is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import attrs

from tests.searching import Broken

Note = int
"""The least version that a cache may still hold."""


class Cell(NamedTuple):
    """What a cache knows of the record."""

    value: int = -1
    """Version of the record held, -1: none."""
    floor: int = 0
    holder: tuple[str, int] | None = None
    """Whose token is valid: a reader's or a writer's; of which process, if it is shared."""
    complete: bool = False
    """Whether a list is answered from it."""


class Read(NamedTuple):
    """A flight of one process."""

    stage: str
    in_memory: bool
    in_shared: bool
    got: int
    alive: bool
    least: int
    """What its readers must see at least."""
    open: bool
    """Whether others may still join."""


class Write(NamedTuple):
    stage: str
    version: int
    removes: bool
    in_memory: bool
    in_shared: bool
    took: bool


class Round(NamedTuple):
    """A round of a process's relay."""

    stage: str
    notes: frozenset[Note]
    fresh: bool
    """Whether it began after the last `age`."""
    shared: bool
    """Whether the shared cache was reached in all of it."""


class Load(NamedTuple):
    """A load of a memory cache as a whole."""

    stage: str
    valid: bool
    got: int
    alive: bool


class Process(NamedTuple):
    memory: Cell = Cell()
    trust_memory: bool = False
    trust_shared: bool = False
    own: int = 0
    """The highest version that it was told it wrote."""
    read: Read | None = None
    write: Write | None = None
    round: Round | None = None
    load: Load | None = None
    inbox: tuple[tuple[str, int], ...] = ()
    away: bool = False
    """Not subscribed: what is published is lost to it."""
    deaf: bool = False
    """It was away, and did not hear its own marker since."""


class State(NamedTuple):
    version: int
    alive: bool
    removed: int
    """The highest version that was removed; a truth that shows it or less resurrected it."""
    next: int
    notes: frozenset[Note]
    shared: Cell
    dump: int
    """A version in a backup of the shared cache, -1: none was made."""
    must: int
    """What every read that begins now must see at least."""
    processes: tuple[Process, ...]
    reads: int
    writes: int
    faults: int
    ages: int


@attrs.frozen(kw_only=True)
class Rules:
    """Which of the rules hold; each is switched off in a test of its own."""

    truth_first: bool = True
    what_the_truth_took: bool = True
    outbox: bool = True
    floor_before_publishing: bool = True
    deletes_last: bool = True
    leases: bool = True
    incarnation: bool = True
    tombstones: bool = True
    flights_detach: bool = True
    complete_without_floors: bool = True
    leased_loads: bool = True
    trust: bool = True
    losses_are_told: bool = True
    clears_when_heard_again: bool = True
    doubts: bool = True


Step = tuple[str, State]

_OWN_READ = ("r", -1)
_OWN_WRITE = ("w", -1)


def begin(
    *,
    reads: int = 0,
    writes: int = 0,
    faults: int = 0,
    ages: int = 0,
    warm: bool = True,
    away: bool = False,
    complete: bool = False,
    dump: int = -1,
) -> State:
    """
    Version 1 in the truth, trusted caches, and how often what may happen.

    Args:
        warm: The caches hold it.
        away: One process has lost its connection and cleared its memory, and then wrote
            the version itself.
        complete: The memory caches hold everything.
        dump: The version in a backup of the shared cache.
    """
    held = Cell(value=1) if warm else Cell()
    memory = held._replace(complete=complete)
    process = Process(memory=memory, trust_memory=True, trust_shared=True)
    other = process
    if away:
        other = Process(memory=held, trust_shared=True, own=1, away=True, deaf=True)
    return State(
        version=1,
        alive=True,
        removed=0,
        next=2,
        notes=frozenset(),
        shared=held,
        dump=dump,
        must=1,
        processes=(process, other),
        reads=reads,
        writes=writes,
        faults=faults,
        ages=ages,
    )


def at_rest(state: State) -> bool:
    """Whether nothing is under way: no call, no note, no message."""
    return not state.notes and all(
        one.read is None
        and one.write is None
        and one.round is None
        and one.load is None
        and not one.inbox
        for one in state.processes
    )


def judge(state: State) -> None:
    """
    Refuse a state that the rules forbid.

    Raises:
        Broken: At rest a cache holds what the truth does not, or a removed version lives.
    """
    if state.alive and state.version <= state.removed:
        raise Broken(f"version {state.version} lives, and {state.removed} was removed")
    if not at_rest(state):
        return
    cells = [("the shared cache", state.shared)]
    # What is held by one who did not hear its marker since it was away is dropped on it.
    cells += [(f"the memory of {name}", one.memory) for name, one in _named(state) if not one.deaf]
    for where, cell in cells:
        if cell.value != -1 and (cell.value != state.version or not state.alive):
            truth = f"version {state.version}" if state.alive else "nothing"
            raise Broken(f"at rest {where} holds version {cell.value}, the truth {truth}")


def steps(state: State, rules: Rules, *, lists: bool = False) -> Iterator[Step]:
    """
    Every action that can come next, and what it leads to.

    Raises:
        Broken: A read is answered with less than it must see.
    """
    for at, (name, one) in enumerate(_named(state)):
        yield from _reading(state, rules, at, name, one)
        yield from _writing(state, rules, at, name, one)
        yield from _relaying(state, rules, at, name, one)
        if lists:
            yield from _listing(state, rules, at, name, one)
        if one.away and not one.inbox:
            yield f"{name} connects again", _with(state, at, one._replace(away=False))
        if one.inbox:
            yield f"{name} hears {one.inbox[0][0]} {one.inbox[0][1]}", _heard(state, rules, at, one)
    if state.ages:
        yield "time passes", _aged(state)
    if state.faults:
        yield from _faults(state._replace(faults=state.faults - 1), rules)


def _named(state: State) -> Iterator[tuple[str, Process]]:
    return zip("AB", state.processes, strict=True)


def _with(state: State, at: int, one: Process, **changes: Any) -> State:
    processes = list(state.processes)
    processes[at] = one
    return state._replace(processes=tuple(processes), **changes)


def _put(
    cell: Cell, me: tuple[str, int], held: bool, version: int, alive: bool, rules: Rules
) -> Cell:
    """A put of what the truth said, under a token if the rules ask for one."""
    if rules.leases and not (held and cell.holder == me):
        return cell
    holder = None if cell.holder == me else cell.holder
    if not alive:
        return Cell(-1, 0, holder, cell.complete)
    if version < cell.floor:
        return cell._replace(holder=holder)
    return Cell(version, 0, holder, cell.complete)


def _floored(cell: Cell, least: int, rules: Rules) -> Cell:
    if cell.value >= least:
        return cell._replace(holder=None)
    return Cell(-1, max(cell.floor, least), None, cell.complete)


def _check(what: str, version: int, alive: bool, least: int, state: State) -> None:
    if version < least:
        raise Broken(f"{what} answers version {version}, it must see {least}")
    # A read may be as old as *least*, so a removal after that is no resurrection.
    if alive and version <= state.removed <= least:
        raise Broken(f"{what} answers version {version}, and {state.removed} was removed")


def _reading(state: State, rules: Rules, at: int, name: str, one: Process) -> Iterator[Step]:
    me = ("r", at)
    # A key that this process is writing is read from the truth, which is always right.
    dirty = one.write is not None
    least = max(one.own, state.must)
    if state.reads and not dirty:
        spent = state._replace(reads=state.reads - 1)
        trusted = one.trust_memory or not rules.trust
        if one.read is not None:
            if one.read.open:
                read = one.read._replace(least=max(one.read.least, least))
                yield f"{name} joins a read", _with(spent, at, one._replace(read=read))
        elif trusted and one.memory.value != -1:
            _check(f"{name}'s memory", one.memory.value, True, least, state)
        else:
            memory, held = one.memory, False
            if trusted and memory.holder is None:
                memory, held = memory._replace(holder=_OWN_READ), True
                one = _touched(one, rules)
            stage = "shared" if one.trust_shared or not rules.trust else "truth"
            read = Read(stage, held, False, -1, False, least, True)
            yield (
                f"{name} begins a read",
                _with(spent, at, one._replace(memory=memory, read=read)),
            )
    read = one.read
    if read is None:
        return
    if read.stage == "shared":
        cell = state.shared
        if cell.value != -1:
            found = read._replace(stage="memory", got=cell.value, alive=True)
            yield f"{name} finds {cell.value} shared", _with(state, at, one._replace(read=found))
        else:
            held = cell.holder is None
            if held:
                cell = cell._replace(holder=me)
            missed = read._replace(stage="truth", in_shared=held)
            yield (
                f"{name} misses shared{' with a token' if held else ''}",
                _with(state, at, one._replace(read=missed), shared=cell),
            )
    elif read.stage == "truth":
        stage = "fill" if read.in_shared or not rules.leases else "memory"
        got = read._replace(stage=stage, got=state.version, alive=state.alive)
        yield f"{name} reads {state.version} of the truth", _with(state, at, one._replace(read=got))
    elif read.stage == "fill":
        cell = _put(state.shared, me, read.in_shared, read.got, read.alive, rules)
        yield (
            f"{name} fills shared with {read.got}",
            _with(state, at, one._replace(read=read._replace(stage="memory")), shared=cell),
        )
    else:
        _check(f"a read of {name}", read.got, read.alive, read.least, state)
        memory = _put(one.memory, _OWN_READ, read.in_memory, read.got, read.alive, rules)
        yield (
            f"{name} fills its memory with {read.got}",
            _with(state, at, _touched(one, rules)._replace(memory=memory, read=None)),
        )


def _touched(one: Process, rules: Rules) -> Process:
    """A load that is under way passes over what was touched meanwhile."""
    if one.load is None or not rules.leased_loads:
        return one
    return one._replace(load=one.load._replace(valid=False))


def _detached(one: Process, rules: Rules) -> Process:
    if one.read is None or not rules.flights_detach:
        return one
    return one._replace(read=one.read._replace(open=False))


def _writing(state: State, rules: Rules, at: int, name: str, one: Process) -> Iterator[Step]:
    me = ("w", at)
    write = one.write
    if write is None:
        if state.writes:
            for removes in (False, True):
                begun = Write("lease", state.next, removes, True, False, False)
                memory = one.memory._replace(holder=_OWN_WRITE)
                busy = _touched(_detached(one, rules), rules)._replace(memory=memory, write=begun)
                what = "remove through" if removes else "save of"
                yield (
                    f"{name} begins the {what} {state.next}",
                    _with(state, at, busy, next=state.next + 1, writes=state.writes - 1),
                )
        return
    if write.stage == "lease":
        stage = "commit" if rules.truth_first else "settle"
        leased = one._replace(write=write._replace(stage=stage, in_shared=True))
        cell = state.shared._replace(holder=me)
        yield f"{name} leases shared", _with(state, at, leased, shared=cell)
    elif write.stage == "commit":
        after = "settle" if rules.truth_first else "ack"
        yield from _committed(state, rules, at, name, one, write._replace(stage=after))
        if state.faults:
            failed = one._replace(write=None)
            yield (
                f"{name}'s write {write.version} fails",
                _with(state, at, failed, faults=state.faults - 1),
            )
    elif write.stage == "settle":
        cell = _settled(state.shared, write, me, write.in_shared, rules)
        onward = one._replace(write=write._replace(stage="memory"))
        yield f"{name} settles shared", _with(state, at, onward, shared=cell)
        if state.faults:
            cut = onward
            if rules.doubts:
                cut = onward._replace(trust_shared=False, round=_doubted(one.round))
            yield f"{name} cannot reach shared", _with(state, at, cut, faults=state.faults - 1)
    elif write.stage == "memory":
        memory = _settled(one.memory, write, _OWN_WRITE, write.in_memory, rules)
        if rules.truth_first:
            yield f"{name} settles its memory", _with(state, at, _acked(one, write, memory, rules))
        else:
            onward = one._replace(memory=memory, write=write._replace(stage="commit"))
            yield f"{name} settles its memory", _with(state, at, onward)
    else:
        yield f"{name} is told", _with(state, at, _acked(one, write, one.memory, rules))


def _acked(one: Process, write: Write, memory: Cell, rules: Rules) -> Process:
    own = max(one.own, write.version)
    return _touched(_detached(one, rules), rules)._replace(memory=memory, write=None, own=own)


def _doubted(round: Round | None) -> Round | None:
    return None if round is None else round._replace(shared=False)


def _committed(
    state: State, rules: Rules, at: int, name: str, one: Process, write: Write
) -> Iterator[Step]:
    known = state.version if state.alive or rules.tombstones else 0
    removed = max(state.removed, write.version) if write.removes else state.removed
    if write.version <= known:
        ignored = one._replace(write=write)
        yield f"the truth ignores {write.version} of {name}", _with(state, at, ignored)
        return
    least = write.version + 1 if write.removes else write.version
    notes = state.notes | {least} if rules.outbox else state.notes
    yield (
        f"the truth takes {write.version} of {name}",
        _with(
            state,
            at,
            one._replace(write=write._replace(took=True)),
            version=write.version,
            alive=not write.removes,
            removed=removed,
            notes=notes,
        ),
    )


def _settled(cell: Cell, write: Write, me: tuple[str, int], held: bool, rules: Rules) -> Cell:
    """The writer's own set under its token, else a floor."""
    took = write.took or not rules.what_the_truth_took or not rules.truth_first
    newer = write.version >= cell.floor and write.version > cell.value
    if took and not write.removes and (held and cell.holder == me if rules.leases else newer):
        return _put(cell, me, held, write.version, True, rules)
    if write.removes and not rules.tombstones:
        return Cell(-1, cell.floor, cell.holder, cell.complete)
    return _floored(cell, write.version + 1 if write.removes else write.version, rules)


def _relaying(state: State, rules: Rules, at: int, name: str, one: Process) -> Iterator[Step]:
    round = one.round
    if round is None:
        if one.away or any(len(other.inbox) > 2 for other in state.processes):
            return
        useful = state.notes or not (one.trust_memory and one.trust_shared) or one.deaf
        if useful and rules.outbox:
            stage = "floor" if state.notes else "marker"
            if stage == "floor" and not rules.deletes_last:
                stage = "forget first"
            elif stage == "floor" and not rules.floor_before_publishing:
                stage = "publish first"
            begun = Round(stage, state.notes, True, True)
            yield (
                f"{name} reads the notes {sorted(state.notes)}",
                _with(state, at, one._replace(round=begun)),
            )
        return

    def onward(stage: str, shared: bool = round.shared) -> Process:
        return one._replace(round=round._replace(stage=stage, shared=shared))

    if round.stage == "forget first":
        left = state.notes - round.notes
        yield f"{name} deletes the notes", _with(state, at, onward("floor"), notes=left)
    elif round.stage in ("floor", "floor second"):
        after = "publish" if round.stage == "floor" else "forget"
        cell = _floored(state.shared, max(round.notes), rules)
        yield f"{name} floors shared", _with(state, at, onward(after), shared=cell)
        if state.faults:
            cut = onward(after, False)._replace(trust_shared=False)
            yield (
                f"{name} cannot floor shared",
                _with(state, at, cut, faults=state.faults - 1),
            )
    elif round.stage in ("publish", "publish first"):
        after = "forget" if round.stage == "publish" else "floor second"
        moved = _with(state, at, onward(after))
        processes = tuple(
            other
            if other.away
            else other._replace(inbox=(*other.inbox, ("floor", max(round.notes))))
            for other in moved.processes
        )
        yield f"{name} publishes", moved._replace(processes=processes)
    elif round.stage == "forget":
        left = state.notes - round.notes if round.shared else state.notes
        # A marker only prolongs trust that is there; it is left out to keep histories short.
        trusting = one.trust_memory and one.trust_shared and not one.deaf
        after = one._replace(round=None) if trusting else onward("marker")
        yield f"{name} deletes the notes", _with(state, at, after, notes=left)
    else:
        trust = one.trust_shared or (round.shared and round.fresh)
        inbox = one.inbox if one.away else (*one.inbox, ("marker", int(round.fresh)))
        ended = one._replace(round=None, trust_shared=trust, inbox=inbox)
        yield f"{name} sends its marker", _with(state, at, ended)


def _heard(state: State, rules: Rules, at: int, one: Process) -> State:
    (kind, number), inbox = one.inbox[0], one.inbox[1:]
    one = one._replace(inbox=inbox)
    if kind == "floor":
        one = _touched(_detached(one, rules), rules)
        one = one._replace(memory=_floored(one.memory, number, rules))
    elif kind == "loss":
        one = _cleared(one, rules)._replace(deaf=True, trust_memory=False)
    else:
        if one.deaf and rules.clears_when_heard_again:
            one = _cleared(one, rules)
        one = one._replace(deaf=False, trust_memory=one.trust_memory or bool(number))
    return _with(state, at, one)


def _cleared(one: Process, rules: Rules) -> Process:
    return _detached(one, rules)._replace(memory=Cell(), load=None)


def _listing(state: State, rules: Rules, at: int, name: str, one: Process) -> Iterator[Step]:
    """A list from a complete memory cache, and the load that makes it complete."""
    trusted = one.trust_memory or not rules.trust
    memory = one.memory
    if state.reads and one.write is None and trusted and memory.complete:
        hidden = memory.floor > 0 and memory.value == -1
        if not hidden or not rules.complete_without_floors:
            least = max(one.own, state.must)
            if memory.value == -1:
                if state.alive and least >= state.version:
                    raise Broken(f"a list of {name} lacks version {state.version}")
            else:
                _check(f"a list of {name}", memory.value, True, least, state)
    load = one.load
    if load is None:
        if state.reads and trusted and not memory.complete:
            begun = one._replace(load=Load("truth", True, -1, False))
            yield f"{name} begins a load", _with(state, at, begun, reads=state.reads - 1)
    elif load.stage == "truth":
        got = load._replace(stage="finish", got=state.version, alive=state.alive)
        yield f"{name} loads {state.version}", _with(state, at, one._replace(load=got))
    else:
        if not load.valid:
            # Passed over: it is complete if the record, or a floor for it, came otherwise.
            memory = memory._replace(complete=memory.value != -1 or memory.floor > 0)
        elif load.alive and memory.value < load.got:
            memory = Cell(load.got, 0, None, True)
        else:
            memory = memory._replace(complete=True)
        yield f"{name} ends its load", _with(state, at, one._replace(memory=memory, load=None))


def _aged(state: State) -> State:
    processes = []
    for one in state.processes:
        round = None if one.round is None else one.round._replace(fresh=False)
        read = None if one.read is None else one.read._replace(open=False)
        inbox = tuple((kind, 0 if kind == "marker" else number) for kind, number in one.inbox)
        processes.append(
            one._replace(
                round=round, read=read, inbox=inbox, trust_memory=False, trust_shared=False
            )
        )
    return state._replace(must=state.version, ages=state.ages - 1, processes=tuple(processes))


def _faults(state: State, rules: Rules) -> Iterator[Step]:
    for at, (name, one) in enumerate(_named(state)):
        yield f"{name} dies and begins anew", _with(state, at, Process())
        if rules.losses_are_told:
            cut = one._replace(inbox=(("loss", 0),), away=True)
            yield f"{name} loses its connection", _with(state, at, cut)
        elif one.inbox:
            yield f"{name} loses a message", _with(state, at, one._replace(inbox=one.inbox[1:]))
        if one.memory.value != -1 or one.memory.floor:
            evicted = Cell(-1, 0, None, False)
            yield f"{name}'s memory evicts it", _with(state, at, one._replace(memory=evicted))
    cell = state.shared
    if cell.value != -1 or cell.floor:
        yield "shared evicts it", state._replace(shared=Cell())
        if state.dump == -1 and cell.value != -1:
            yield "shared is backed up", state._replace(dump=cell.value)
    yield "shared restarts empty", state._replace(shared=Cell())
    if state.dump != -1:
        restored = Cell() if rules.incarnation else Cell(value=state.dump)
        yield "shared restarts with old data", state._replace(shared=restored)
