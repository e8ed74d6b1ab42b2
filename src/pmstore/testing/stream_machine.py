"""Random histories of a stream, beside a list."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from pmstore.errors import Conflict, Fenced
from pmstore.models.position import EMPTY, START, Entry, Head, Position
from pmstore.protocols.stream import Stream
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal
from pmstore.testing.machine import TROUBLES, Machine, Trouble, run_machine
from pmstore.testing.rig import Trial

stream_book: Lawbook[Stream] = Lawbook("stream")


class _StreamMachine(Machine[Stream]):
    """A stream beside a list of entries."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.trimmed = START
        self.epoch = 0

    @rule(
        items=st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=4),
        at=st.sampled_from(["nothing", "head", "empty", "older", "other payload"]),
        epoch=st.none() | st.integers(0, 5),
        trouble=TROUBLES,
    )
    def append(
        self, items: list[bytes], at: str, epoch: int | None, trouble: tuple[Trouble, int] | None
    ) -> None:
        trouble = self.possible(trouble)
        self.step(f"append {items} expecting {at}, epoch {epoch}", trouble)
        head = self.entries[-1].head if self.entries else EMPTY
        expect_head = {
            "nothing": None,
            "head": head,
            "empty": EMPTY,
            "older": self.entries[-2].head if len(self.entries) > 1 else Head(START, "0"),
            "other payload": Head(head.id, "0" * 40),
        }[at]
        fenced = epoch is not None and epoch < self.epoch
        conflict = expect_head is not None and expect_head != head
        answers: list[Position] = []

        async def call() -> None:
            answers.append(await self.store.append(items, expect_head=expect_head, epoch=epoch))

        try:
            acknowledged = self.write(call, trouble)
        except Fenced:
            expect(fenced, f"epoch {epoch} was fenced, the highest seen is {self.epoch}")
            return
        except Conflict:
            expect(conflict, f"{expect_head} was refused, the head is {head}")
            return
        refused = fenced or conflict
        expect(not (acknowledged and refused), f"appended with {expect_head=} {epoch=}")

        async def payloads() -> list[bytes]:
            return [entry.payload for entry in await self.store.read(head.id, 100)]

        written = self.found(
            payloads,
            items if acknowledged else [],
            [] if refused else items,
            "left by an append",
        )
        if not written:
            return
        grown = self.do(lambda: self.store.read(head.id, 100))
        if acknowledged:
            expect_equal(grown[-1].id, answers[-1], "the answered id")
        ids = [head.id, *(entry.id for entry in grown)]
        expect(all(low < high for low, high in itertools.pairwise(ids)), f"ids {ids}")
        self.entries += grown
        self.epoch = max(self.epoch, epoch or 0)

    @precondition(lambda self: self.entries)
    @rule(at=st.integers(0, 2**16))
    def trim(self, at: int) -> None:
        # Not drawn from the entries: a crash leaves now more, now less of them.
        through = self.entries[at % len(self.entries)].id
        self.step(f"trim through {through}")
        self.do(lambda: self.store.trim(through))
        self.trimmed = max(self.trimmed, through)

    @rule(at=st.integers(0, 30), limit=st.integers(1, 5))
    def read(self, at: int, limit: int) -> None:
        self.step(f"read {limit} after entry {at}")
        after = self.entries[at].id if at < len(self.entries) else START
        held = self._held()
        wanted = [entry for entry in held if entry.id > after][:limit]
        expect_equal(self.do(lambda: self.store.read(after, limit)), wanted, f"after {after}")

    @invariant()
    def held_is_an_end(self) -> None:
        held = self._held()
        kept = [entry for entry in self.entries if entry.id > self.trimmed] or self.entries[-1:]
        expect(len(held) >= len(kept), f"{len(held)} entries held of at least {len(kept)}")
        expect_equal(held, self.entries[len(self.entries) - len(held) :], "entries held")
        bounds = self.do(lambda: self.store.bounds())
        expect_equal(bounds, (held[0], held[-1]) if held else None, "bounds")

    def _held(self) -> list[Entry]:
        return self.do(lambda: self.store.read(Position(0, 0), 100_000))


@stream_book.law()
def random_histories_equal_a_list(trial: Trial[Stream]) -> None:
    """
    Any history of appends, reads and trims, cancelled calls, crashes and faults among them,
    answers what a list would.
    """
    run_machine(_StreamMachine, trial)
