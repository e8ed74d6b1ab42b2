"""Random histories, found by Hypothesis, of a store beside a plain dictionary or list."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pmstore.errors import Conflict, Fenced, VersionConflict
from pmstore.models.order import Order, OrderStatus, Side
from pmstore.models.position import EMPTY, START, Entry, Head, Position
from pmstore.models.query import OrderQuery
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.store import Store
from pmstore.protocols.stream import Stream
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal
from pmstore.testing.reference import orders_asked_for
from pmstore.testing.rig import Trial
from pmstore.testing.samples import START_MS, order

S = TypeVar("S", bound=Store)
A = TypeVar("A")

order_book: Lawbook[OrderStore] = Lawbook("order_store")
stream_book: Lawbook[Stream] = Lawbook("stream")

_STEPS = 40


class _Machine(RuleBasedStateMachine, Generic[S]):
    """A store at a place of its own, with an event loop that ends with the history."""

    trial: Trial[S]
    store: S

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._place: Path = self.trial.place()
        self.do(self._open)

    async def _open(self) -> None:
        self.store = await self.trial.rig.open(self._place).__aenter__()

    async def _close(self) -> None:
        await self.store.__aexit__(None, None, None)

    async def _reopen(self) -> None:
        await self._close()
        await self._open()

    def do(self, call: Callable[[], Awaitable[A]]) -> A:
        """Run a call in the machine's event loop."""

        async def run() -> A:
            return await call()

        return self._runner.run(run())

    @precondition(lambda self: self.trial.rig.durable)
    @rule()
    def reopen(self) -> None:
        self.do(self._reopen)

    def teardown(self) -> None:
        self.do(self._close)
        self._runner.close()


def _run(machine: type[_Machine[S]], trial: Trial[S]) -> None:
    """Run *machine* on stores of *trial*; prints the history that breaks it."""
    bound = type(machine.__name__, (machine,), {"trial": trial})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=trial.rig.examples,
            stateful_step_count=_STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            phases=[phase for phase in Phase if phase is not Phase.shrink or trial.rig.shrinks],
            suppress_health_check=list(HealthCheck),
        ),
    )


_orders = st.builds(
    lambda number, user, price, fields: order(
        number, user_id=f"user_{user}", price=price, client_order_id=f"c{price}", **fields
    ),
    st.integers(0, 7),
    st.integers(0, 1),
    st.integers(1, 2),
    st.fixed_dictionaries(
        {
            "version": st.integers(0, 6),
            "order_num": st.integers(0, 5),
            "side": st.sampled_from(Side),
            "status": st.sampled_from(OrderStatus),
            "timestamp": st.integers(START_MS, START_MS + 3),
        }
    ),
)
_batches = st.lists(_orders, max_size=6, unique_by=lambda one: one.id)
_removals = st.lists(
    st.tuples(st.integers(0, 7).map(lambda number: f"order_{number}"), st.integers(0, 6)),
    max_size=4,
    unique_by=lambda pair: pair[0],
)
_questions: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.sampled_from(["user_0", "user_1"]),
        "side": st.sampled_from(Side),
        "market_id": st.integers(0, 1),
        "token_id": st.sampled_from(["token_0", "token_1", "token_2"]),
        "statuses": st.frozensets(st.sampled_from(OrderStatus)),
        "client_order_id": st.sampled_from(["c1", "c2"]),
        "ids": st.frozensets(st.integers(0, 9).map(lambda number: f"order_{number}")),
        "start_ms": st.integers(START_MS, START_MS + 3),
        "end_ms": st.integers(START_MS, START_MS + 3),
    },
)


class _OrderMachine(_Machine[OrderStore]):
    """An order store beside a dictionary of orders and one of tombstones."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, Order] = {}
        self.tombstones: dict[str, int] = {}

    @rule(batch=_batches)
    def save(self, batch: list[Order]) -> None:
        conflicts = [
            one
            for one in batch
            if one.id in self.orders
            and self.orders[one.id].version == one.version
            and self.orders[one.id] != one
        ]
        try:
            self.do(lambda: self.store.save(batch))
        except VersionConflict:
            expect(bool(conflicts), f"a conflict where there is none: {batch}")
            return
        expect(not conflicts, f"no conflict with {conflicts}")
        for one in batch:
            known = self.orders.get(one.id)
            if one.version > self.tombstones.get(one.id, -1) and (
                known is None or one.version > known.version
            ):
                self.orders[one.id] = one

    @rule(versions=_removals)
    def remove(self, versions: list[tuple[str, int]]) -> None:
        gone = [
            id
            for id, version in versions
            if id in self.orders and self.orders[id].version <= version
        ]
        expect_equal(self.do(lambda: self.store.remove(versions)), len(gone), "removed")
        for id in gone:
            del self.orders[id]
        for id, version in versions:
            if id not in self.orders:
                self.tombstones[id] = max(version, self.tombstones.get(id, -1))

    @rule(question=_questions, limit=st.integers(1, 4))
    def find(self, question: dict[str, Any], limit: int) -> None:
        wanted = orders_asked_for(self.orders.values(), OrderQuery(**question))
        found: list[Order] = []
        after: str | None = None
        for _ in range(20):
            query = OrderQuery(**question, limit=limit, after=after)
            page = self.do(lambda query=query: self.store.find(query))  # type: ignore[misc]
            found += page.items
            after = page.next
            if after is None:
                break
        expect_equal(found, wanted, f"pages of {limit} for {question}")

    @invariant()
    def all_is_there(self) -> None:
        ids = [f"order_{number}" for number in range(9)]
        expect_equal(self.do(lambda: self.store.get(ids)), self.orders, "get of all ids")


class _StreamMachine(_Machine[Stream]):
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
    )
    def append(self, items: list[bytes], at: str, epoch: int | None) -> None:
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
        try:
            last = self.do(lambda: self.store.append(items, expect_head=expect_head, epoch=epoch))
        except Fenced:
            expect(fenced, f"epoch {epoch} was fenced, the highest seen is {self.epoch}")
            return
        except Conflict:
            expect(conflict, f"{expect_head} was refused, the head is {head}")
            return
        expect(not fenced and not conflict, f"appended with {expect_head=} {epoch=}")
        grown = self.do(lambda: self.store.read(head.id, 100))
        expect_equal([entry.payload for entry in grown], items, "what was appended")
        expect_equal(grown[-1].id, last, "the answered id")
        ids = [head.id, *(entry.id for entry in grown)]
        expect(all(low < high for low, high in itertools.pairwise(ids)), f"ids {ids}")
        self.entries += grown
        self.epoch = max(self.epoch, epoch or 0)

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def trim(self, data: st.DataObject) -> None:
        through = data.draw(st.sampled_from(self.entries)).id
        self.do(lambda: self.store.trim(through))
        self.trimmed = max(self.trimmed, through)

    @rule(at=st.integers(0, 30), limit=st.integers(1, 5))
    def read(self, at: int, limit: int) -> None:
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


@order_book.law()
def random_histories_equal_a_dictionary(trial: Trial[OrderStore]) -> None:
    """Any history of saves, removes and finds answers what a dictionary would."""
    _run(_OrderMachine, trial)


@stream_book.law()
def random_histories_equal_a_list(trial: Trial[Stream]) -> None:
    """Any history of appends, reads and trims answers what a list would."""
    _run(_StreamMachine, trial)
