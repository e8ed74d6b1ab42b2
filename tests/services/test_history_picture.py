"""What brings stores to a state that they did not see coming, and what of them is left alone."""

from __future__ import annotations

import attrs

from pmengine.services.history_picture import Picture
from pmstore import (
    Balance,
    Batch,
    Event,
    EventAdded,
    Market,
    Order,
    OrderCancelled,
    OrderStatus,
    OrderType,
    Side,
    State,
    Symbol,
)

NUMBER = 100


def order(id: str, order_num: int) -> Order:
    """An open order."""
    return Order(
        id=id,
        symbol=Symbol(1, 1, "y"),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=100,
        price=5_000,
        status=OrderStatus.NEW,
        filled_quantity=0,
        remaining_quantity=100,
        timestamp=1,
        user_id="u1",
        order_num=order_num,
        version=1,
    )


def event(event_id: int, *, update_id: int = 0) -> Event:
    """An event with one market."""
    market = Market(market_id=1, token_ids=(f"y{event_id}", f"n{event_id}"), update_id=update_id)
    return Event(event_id=event_id, markets={1: market})


def state_with(*, orders: list[Order], counter: int) -> State:
    """A state with *orders* open, that has given out order numbers through *counter*."""
    state = State()
    state.orders = {one.id: one for one in orders}
    state.order_counter = counter
    return state


def test_open_orders_that_ended_unseen_are_forgotten_and_later_ones_are_not() -> None:
    ended, still, later = order("ended", 1), order("still", 2), order("later", 9)
    picture = Picture([ended, still, later])
    found = picture.corrections(state_with(orders=[still], counter=5), NUMBER, [])
    assert found.forgotten == [ended]
    assert found.written.orders == [still]


async def test_a_forgotten_order_is_still_seen_to_end_where_the_log_is_read_from_before() -> None:
    picture = Picture([order("ended", 1)])
    picture.take_up(picture.corrections(state_with(orders=[], counter=5), NUMBER, []))
    cancelled = OrderCancelled("ended", Symbol(1, 1, "y"), "u1", 2, 0, 100, 7)
    batch = Batch(number=90, epoch=1, time=7, prev_hash="", hash="", input={}, changes=[cancelled])
    (shown,) = (await picture.fold([batch])).orders
    assert (shown.id, shown.status, shown.version) == ("ended", OrderStatus.CANCELLED, 2)


def test_a_row_that_became_zero_unseen_is_zero_as_of_the_users_last_change() -> None:
    state = State()
    state.user_update_ids = {"u1": 7}
    kept = Balance("u1", "cash", 3, 0, 6)
    state.balances = {"cash": {"u1": kept}}
    gone, newer, empty = (
        Balance("u1", "y", 5, 1, 4),
        Balance("u1", "n", 5, 0, 8),
        Balance("u1", "z", 0, 0, 4),
    )
    stored = [Balance("u1", "cash", 1, 0, 2), gone, newer, empty]
    written = Picture().corrections(state, NUMBER, stored).written
    assert list(written.balances) == [kept, Balance("u1", "y", 0, 0, 7)]


async def test_events_become_what_the_state_says_and_those_it_does_not_know_shells() -> None:
    state = State()
    state.events = {1: event(1, update_id=30), 3: event(3, update_id=2)}
    picture = Picture(events=[event(1), event(2)])
    found = picture.corrections(state, NUMBER, [])
    # A ladder change is no change of its event: version 100 of event 1 is what it was.
    shell = attrs.evolve(event(2), removing=True, markets={})
    assert list(found.written.events) == [(shell, NUMBER), (event(3), NUMBER)]
    picture.take_up(found)
    assert not picture.corrections(state, NUMBER, []).written.events
    added = Batch(
        number=101, epoch=1, time=7, prev_hash="", hash="", input={}, changes=[EventAdded(event(2))]
    )
    assert list((await picture.fold([added])).events) == [(event(2), 101)]
