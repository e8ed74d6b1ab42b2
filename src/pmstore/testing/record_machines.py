"""Random histories of stores of records, beside dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from pmstore.errors import VersionConflict
from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order, OrderStatus, Side
from pmstore.models.position import Position
from pmstore.models.query import BalanceQuery, EventQuery, OrderQuery, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.account_store import AccountStore
from pmstore.protocols.event_store import EventStore
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import Store
from pmstore.protocols.trade_store import TradeStore
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal
from pmstore.testing.machine import TROUBLES, Machine, Trouble, run_machine
from pmstore.testing.reference import orders_asked_for, trades_asked_for
from pmstore.testing.rig import Trial
from pmstore.testing.samples import START_MS, balance, event, order, trade
from pmstore.testing.showing import listed, shown

S = TypeVar("S", bound=Store)

order_book: Lawbook[OrderStore] = Lawbook("order_store")
trade_book: Lawbook[TradeStore] = Lawbook("trade_store")
account_book: Lawbook[AccountStore] = Lawbook("account_store")
event_book: Lawbook[EventStore] = Lawbook("event_store")

Records = dict[Any, Any]


class _RecordMachine(Machine[S]):
    """A store of records beside a dictionary of them."""

    batches: st.SearchStrategy[list[Any]]
    verb = "save"

    def __init__(self) -> None:
        super().__init__()
        self.records: Records = {}
        self.positions: dict[str, Position] = {}

    async def put(self, batch: Sequence[Any]) -> None:
        """The writing verb."""
        raise NotImplementedError

    async def held(self) -> Records:
        """All that the store holds."""
        raise NotImplementedError

    def merged(self, batch: Sequence[Any]) -> Records | None:
        """The records after *batch* was written; None if it is a conflict."""
        raise NotImplementedError

    async def walked(self, query: Any, limit: int) -> list[Any]:
        """Everything that *query* asks for, in pages of *limit*."""
        store: Any = self.store
        found: list[Any] = []
        after: str | None = None
        for _ in range(50):
            page = await store.find(attrs.evolve(query, limit=limit, after=after))
            expect(len(page.items) <= limit, f"a page of {len(page.items)} with {limit=}")
            found += page.items
            after = page.next
            if after is None:
                return found
        raise AssertionError("the pages do not end")

    @rule(data=st.data(), trouble=TROUBLES)
    def write_batch(self, data: st.DataObject, trouble: tuple[Trouble, int] | None) -> None:
        batch = data.draw(self.batches)
        trouble = self.possible(trouble)
        self.step(f"{self.verb} {listed(batch)}", trouble)
        after = self.merged(batch)
        try:
            acknowledged = self.write(lambda: self.put(batch), trouble)
        except VersionConflict:
            expect(after is None, f"a conflict where there is none: {listed(batch)}")
            return
        if acknowledged:
            expect(after is not None, f"no conflict: {listed(batch)}")
            self.records = after or {}
        else:
            wanted = self.records if after is None else after
            self.records = self.found(self.held, self.records, wanted, "left by a write")

    @precondition(lambda self: self.trial.rig.positioned)
    @rule(
        data=st.data(),
        source=st.sampled_from("ab"),
        ms=st.integers(1, 6),
        trouble=TROUBLES,
    )
    def apply(
        self, data: st.DataObject, source: str, ms: int, trouble: tuple[Trouble, int] | None
    ) -> None:
        store: Any = self.store
        batch = data.draw(self.batches)
        trouble = self.possible(trouble)
        self.step(f"apply {listed(batch)} of source {source} at {Position(ms, 0)}", trouble)
        at, known = Position(ms, 0), self.positions.get(source)
        duplicate = known is not None and known >= at
        after = self.records if duplicate else self.merged(batch)
        answers: list[Applied] = []

        async def call() -> None:
            answers.append(await store.apply(batch, source=source, position=at))

        async def state() -> tuple[Records, Position | None]:
            return await self.held(), await store.position(source)

        try:
            acknowledged = self.write(call, trouble)
        except VersionConflict:
            expect(after is None, f"a conflict where there is none: {listed(batch)}")
            return
        store = self.store
        moved = at if known is None else max(at, known)
        if acknowledged:
            wanted = Applied.DUPLICATE if duplicate else Applied.APPLIED
            # A store that tried again by itself takes its own first try for a duplicate.
            lost = trouble is not None and trouble[0] is Trouble.LOST_ANSWER
            expect(answers[-1] is wanted or lost, f"answered {answers[-1]}, not {wanted}")
            expect(after is not None, f"no conflict: {listed(batch)}")
            self.records, self.positions[source] = after or {}, moved
            return
        before = (self.records, known)
        done = before if after is None else (after, moved)
        self.records, position = self.found(state, before, done, "left by an apply")
        if position is not None:
            self.positions[source] = position

    @invariant()
    def all_is_there(self) -> None:
        expect_equal(self.do(lambda: self._answer(self.held)), self.records, "all records")
        store: Any = self.store
        if self.trial.rig.positioned:
            for source in "ab":
                at = self.do(lambda source=source: store.position(source))  # type: ignore[misc]
                expect_equal(at, self.positions.get(source), f"position of {source}")


_orders: Final = st.builds(
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
            "fee_exact": st.sampled_from([0, 2**70, 2**70 + 1]),
        }
    ),
)
_removals: Final = st.lists(
    st.tuples(st.integers(0, 7).map(lambda number: f"order_{number}"), st.integers(0, 6)),
    max_size=4,
    unique_by=lambda pair: pair[0],
)
_times: Final = st.integers(START_MS, START_MS + 3)
_order_questions: Final[st.SearchStrategy[dict[str, Any]]] = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.sampled_from(["user_0", "user_1"]),
        "side": st.sampled_from(Side),
        "market_id": st.integers(0, 1),
        "token_id": st.sampled_from(["token_0", "token_1", "token_2"]),
        "statuses": st.frozensets(st.sampled_from(OrderStatus)),
        "client_order_id": st.sampled_from(["c1", "c2"]),
        "ids": st.frozensets(st.integers(0, 9).map(lambda number: f"order_{number}")),
        "start_ms": _times,
        "end_ms": _times,
    },
)


class _OrderMachine(_RecordMachine[OrderStore]):
    """An order store beside a dictionary of orders and one of tombstones."""

    batches = st.lists(_orders, max_size=6, unique_by=lambda one: one.id)

    def __init__(self) -> None:
        super().__init__()
        self.tombstones: dict[str, int] = {}

    async def put(self, batch: Sequence[Order]) -> None:
        await self.store.save(batch)

    async def held(self) -> Records:
        return {**await self.store.get([f"order_{number}" for number in range(9)])}

    def merged(self, batch: Sequence[Order]) -> Records | None:
        after = dict(self.records)
        for one in batch:
            known = after.get(one.id)
            if known is not None and known.version == one.version and known != one:
                return None
            if one.version > self.tombstones.get(one.id, -1) and (
                known is None or one.version > known.version
            ):
                after[one.id] = one
        return after

    @rule(versions=_removals)
    def remove(self, versions: list[tuple[str, int]]) -> None:
        self.step(f"remove {', '.join(f'{id} version {version}' for id, version in versions)}")
        gone = [
            id
            for id, version in versions
            if id in self.records and self.records[id].version <= version
        ]
        expect_equal(self.do(lambda: self.store.remove(versions)), len(gone), "removed")
        for id in gone:
            del self.records[id]
        for id, version in versions:
            if id not in self.records:
                self.tombstones[id] = max(version, self.tombstones.get(id, -1))

    @rule(question=_order_questions, limit=st.integers(1, 4))
    def find(self, question: dict[str, Any], limit: int) -> None:
        query = OrderQuery(**question)
        self.step(f"find {shown(question)} in pages of {limit}")
        wanted = orders_asked_for(self.records.values(), query)
        found = self.do(lambda: self.walked(query, limit))
        expect_equal(found, wanted, f"pages of {limit} for {shown(question)}")


class _TradeMachine(_RecordMachine[TradeStore]):
    """A trade store beside a dictionary."""

    verb = "append"
    batches = st.lists(
        st.integers(0, 30).map(lambda number: trade(number, timestamp=START_MS + number // 8)),
        max_size=6,
    )

    async def put(self, batch: Sequence[Trade]) -> None:
        await self.store.append(batch)

    async def held(self) -> Records:
        found = (await self.store.find(TradeQuery(limit=1000))).items
        expect_equal(list(found), trades_asked_for(found, TradeQuery()), "the order of trades")
        return {one.trade_id: one for one in found}

    def merged(self, batch: Sequence[Trade]) -> Records:
        return {**{one.trade_id: one for one in batch}, **self.records}

    @rule(
        question=st.fixed_dictionaries(
            {},
            optional={
                "user_id": st.sampled_from(["user_0", "maker_1"]),
                "order_id": st.sampled_from(["order_3", "order_8"]),
                "token_id": st.sampled_from(["token_0", "token_3"]),
                "start_ms": _times,
                "end_ms": _times,
            },
        ),
        limit=st.integers(1, 5),
    )
    def find(self, question: dict[str, Any], limit: int) -> None:
        query = TradeQuery(**question)
        self.step(f"find {shown(question)} in pages of {limit}")
        wanted = trades_asked_for(self.records.values(), query)
        found = self.do(lambda: self.walked(query, limit))
        expect_equal(found, wanted, f"pages of {limit} for {shown(question)}")


_balances: Final = st.builds(
    balance,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["cash", "token"]),
    st.integers(0, 6),
    st.integers(0, 1),
)


class _AccountMachine(_RecordMachine[AccountStore]):
    """An account store beside a dictionary."""

    batches = st.lists(_balances, max_size=4, unique_by=lambda one: (one.user_id, one.asset))

    async def put(self, batch: Sequence[Balance]) -> None:
        await self.store.save(batch)

    async def held(self) -> Records:
        keys = [(user, asset) for user in "abcd" for asset in ("cash", "token")]
        return {**await self.store.get(keys)}

    def merged(self, batch: Sequence[Balance]) -> Records | None:
        after = dict(self.records)
        for one in batch:
            known = after.get((one.user_id, one.asset))
            if known is not None and known.version == one.version and known != one:
                return None
            if known is None or one.version > known.version:
                after[one.user_id, one.asset] = one
        return after

    @rule(
        user=st.none() | st.sampled_from("abd"),
        asset=st.none() | st.just("cash"),
        limit=st.integers(1, 4),
    )
    def find(self, user: str | None, asset: str | None, limit: int) -> None:
        self.step(f"find balances of user {user} and asset {asset} in pages of {limit}")
        wanted = [
            one
            for key, one in sorted(self.records.items(), key=lambda item: str(item[0]))
            if user in (None, one.user_id) and asset in (None, one.asset)
        ]
        query = BalanceQuery(user_id=user, asset=asset)
        expect_equal(self.do(lambda: self.walked(query, limit)), wanted, f"{query}")


class _EventMachine(_RecordMachine[EventStore]):
    """An event store beside a dictionary; the version of an event stands in its date too."""

    batches = st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 1)).map(
            lambda one: (event(one[0], end_date_ms=10 * one[1] + one[2]), one[1])
        ),
        max_size=4,
        unique_by=lambda pair: pair[0].event_id,
    )

    async def put(self, batch: Sequence[tuple[Event, int]]) -> None:
        await self.store.save(batch)

    async def held(self) -> Records:
        return {**await self.store.get(range(14))}

    def merged(self, batch: Sequence[tuple[Event, int]]) -> Records | None:
        after = dict(self.records)
        for one, version in batch:
            known = after.get(one.event_id)
            if known is not None and known.end_date_ms // 10 == version and known != one:
                return None
            if known is None or version > known.end_date_ms // 10:
                after[one.event_id] = one
        return after

    @rule(ids=st.none() | st.frozensets(st.integers(0, 14)), limit=st.integers(1, 4))
    def find(self, ids: frozenset[int] | None, limit: int) -> None:
        self.step(f"find events {'all' if ids is None else sorted(ids)} in pages of {limit}")
        wanted = [
            one
            for _, one in sorted(self.records.items(), key=lambda item: item[1].event_id)
            if ids is None or one.event_id in ids
        ]
        query = EventQuery(ids=ids)
        expect_equal(self.do(lambda: self.walked(query, limit)), wanted, f"{query}")


@order_book.law()
def random_histories_equal_a_dictionary(trial: Trial[OrderStore]) -> None:
    """
    Any history of saves, removes and finds, cancelled calls, crashes and faults among them,
    answers what a dictionary would.
    """
    run_machine(_OrderMachine, trial)


@trade_book.law(need="whole")
def random_appends_equal_a_dictionary(trial: Trial[TradeStore]) -> None:
    """
    Any history of appends and finds, cancelled calls, crashes and faults among them, answers
    what a dictionary would.
    """
    run_machine(_TradeMachine, trial)


@account_book.law()
def random_balances_equal_a_dictionary(trial: Trial[AccountStore]) -> None:
    """
    Any history of saves and finds, cancelled calls, crashes and faults among them, answers what
    a dictionary would.
    """
    run_machine(_AccountMachine, trial)


@event_book.law()
def random_events_equal_a_dictionary(trial: Trial[EventStore]) -> None:
    """
    Any history of saves and finds, cancelled calls, crashes and faults among them, answers what
    a dictionary would.
    """
    run_machine(_EventMachine, trial)
