"""The fold keeps what is newest, whatever it is told again, and goes on from its snapshots."""

from __future__ import annotations

import time
import typing

import attrs
from hypothesis import given

from pmstore import (
    Balance,
    Change,
    Event,
    EventAdded,
    EventRemoved,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    MarketState,
    MarketUpdateId,
    OrderCreated,
    OrderUpdated,
    Paused,
    Remembered,
    Restored,
    SessionChanged,
    Snapshot,
    State,
    Symbol,
    Trade,
)
from pmstore.codec import decode_snapshot, encode_snapshot
from tests.state.facts import FEES, event, facts, histories, market, order, token

ELSEWHERE = Symbol(2, 1, token(2, 1, True))


def folded(*changes: Change) -> State:
    state = State()
    state.apply_all(changes)
    return state


def through_the_file(snapshot: Snapshot) -> Snapshot:
    return decode_snapshot(b"".join(encode_snapshot(snapshot)), "file")


@given(histories)
def test_a_fact_applied_twice_is_applied_once(history: list[Change]) -> None:
    once, twice = State(), State()
    for change in history:
        once.apply(change)
        twice.apply(change)
        twice.apply(change)
        assert twice.freeze(0) == once.freeze(0)
        assert twice.order_ids == once.order_ids


@given(histories)
def test_open_orders_stand_in_the_order_of_their_numbers(history: list[Change]) -> None:
    state = State()
    for change in history:
        state.apply(change)
        numbers = [(one.order_num, one.id) for one in state.orders.values()]
        assert numbers == sorted(numbers)


def speaks_of_what_is_listed(state: State, change: Change) -> bool:
    """No engine updates the ladder of a market that is not there."""
    if not isinstance(change, MarketUpdateId):
        return True
    return state.open_market(change.event_id, change.market_id) is not None


@given(histories, histories)
def test_a_state_from_a_snapshot_goes_on_as_if_never_stopped(
    before: list[Change], after: list[Change]
) -> None:
    state = State()
    for change in before:
        if speaks_of_what_is_listed(state, change):
            state.apply(change)
    digest = state.digest()
    snapshot = through_the_file(state.freeze(7))
    again = State.restore(snapshot)
    assert again.digest() == state.digest()
    assert again.freeze(7).work == state.freeze(7).work
    for change in after:
        if not speaks_of_what_is_listed(state, change):
            continue
        state.apply(change)
        again.apply(change)
        assert again.digest() == state.digest()
        leaving = [state.leaving_of(one) for one in state.orders.values()]
        assert [again.leaving_of(one) for one in again.orders.values()] == leaving
    # What was folded since has not touched the snapshot.
    assert State.restore(snapshot).digest() == digest


def test_every_fact_is_among_the_histories() -> None:
    kinds = {type(one) for one in _drawn()}
    assert set(typing.get_args(Change)) - kinds == {Trade, Restored}


def _drawn() -> list[Change]:
    from hypothesis import find

    found = []
    for kind in typing.get_args(Change):
        if kind not in (Trade, Restored):
            found.append(find(facts, lambda one, kind=kind: type(one) is kind))
    return found


def test_an_order_that_queues_again_stands_last() -> None:
    state = folded(OrderCreated(order(1)), OrderCreated(order(2)))
    state.apply(OrderUpdated(order(1, order_num=3, version=2)))
    assert list(state.orders) == ["o2", "o1"]


def test_orders_of_another_producer_out_of_turn_are_put_in_turn() -> None:
    state = folded(*[OrderCreated(order(number)) for number in (5, 2, 9, 1)])
    assert [one.order_num for one in state.orders.values()] == [1, 2, 5, 9]


def test_a_market_that_left_takes_with_it_what_was_its_own() -> None:
    yes, no = token(1, 1, True), token(1, 1, False)
    other = order(2, symbol=Symbol(1, 2, token(1, 2, True)))
    state = folded(
        EventAdded(event(1)),
        MarketAdded(1, market(1, 2)),
        OrderCreated(order(1)),
        Remembered("ann", "SubmitOrder", "o1", "accepted", "o1", 1),
        OrderCreated(other),
        Balance("ann", yes, 1, 0, 2),
        Balance("ann", no, 1, 0, 3),
        Balance("ann", "cash", 1, 0, 4),
        MarketUpdateId(1, 1, 1),
        MarketUpdateId(1, 2, 1),
        MarketChanged(1, 1, MarketState.CLOSED, True, None, True),
        MarketChanged(1, 2, MarketState.CLOSED, False, None, True),
        MarketRemoved(1, 1),
    )
    assert list(state.events[1].markets) == [2]
    assert list(state.orders) == ["o2"]
    assert list(state.balances) == ["cash"]
    assert list(state.updates) == [(1, 2)]
    assert list(state.work) == [(1, 2)]
    assert len(state.ended) == 1, "the memory of its order runs out"
    state.apply(EventRemoved(1))
    assert [state.events, state.orders, state.updates, state.work] == [{}, {}, {}, {}]


def test_a_market_that_was_worked_off_leaves_without_a_look_at_all_orders() -> None:
    def seconds(open_orders: int) -> float:
        markets = {number: market(1, number, removing=True) for number in range(1, 201)}
        state = folded(
            EventAdded(Event(event_id=1, markets=markets)),
            *(OrderCreated(order(number, symbol=ELSEWHERE)) for number in range(open_orders)),
        )
        removed = [MarketRemoved(1, number) for number in range(1, 101)]
        began = time.thread_time()
        state.apply_all(removed)
        return time.thread_time() - began

    few, many = (min(seconds(count) for _ in range(3)) for count in (10, 20_000))
    assert many < 10 * few


def test_fees_and_states_of_markets_are_kept() -> None:
    state = folded(EventAdded(event(1)), MarketChanged(1, 1, MarketState.PAUSED))
    assert state.events[1].markets[1].fees == FEES
    assert state.events[1].markets[1].state is MarketState.PAUSED
    state.apply(MarketChanged(1, 1, MarketState.VOID, payouts=(5000, 5000)))
    found = state.open_market(1, 1)
    assert found is not None
    assert (found.state, found.payouts, found.fees) == (MarketState.VOID, (5000, 5000), FEES)


def test_rows_of_nothing_in_a_snapshot_hold_nothing() -> None:
    snapshot = folded(EventAdded(event(1)), Balance("ann", "cash", 1, 0, 1)).freeze(0)
    rows = [*snapshot.balances, Balance("bob", token(1, 1, True), 0, 0, 2)]
    state = State.restore(attrs.evolve(snapshot, balances=rows))
    assert list(state.balances) == ["cash"]


def test_a_session_lives_until_its_deadline_is_nought() -> None:
    state = folded(SessionChanged("ann", "s", 5), SessionChanged("bob", "s", 6))
    state.apply(SessionChanged("ann", "s", 9))
    assert state.sessions == {("ann", "s"): 9, ("bob", "s"): 6}
    state.apply(SessionChanged("ann", "s", 0))
    assert state.sessions == {("bob", "s"): 6}


def test_a_resume_says_until_when_only_post_only_orders_are_taken() -> None:
    state = folded(Paused(True), Paused(False, 500))
    assert (state.paused, state.post_only_until_ms) == (False, 500)
