"""Hypothesis strategies for facts about a small world, so that they speak of the same things."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pmstore import (
    Balance,
    Counters,
    Event,
    EventAdded,
    EventChanged,
    EventRemoved,
    Fees,
    GroupChanged,
    GroupFilled,
    Leaving,
    Market,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    MarketState,
    MarketUpdateId,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    OrderStatus,
    OrderType,
    OrderUpdated,
    Paused,
    Remembered,
    SessionChanged,
    Side,
    Symbol,
)

FEES = Fees("quadratic", 0, 70_000)

users = st.sampled_from(["ann", "bob"])
names = st.sampled_from(["g", "h"])
times = st.integers(1, 9)
small = st.integers(0, 9)
event_ids = st.integers(1, 2)
market_ids = st.integers(1, 2)
symbols = st.builds(
    lambda event_id, market_id, yes: Symbol(event_id, market_id, token(event_id, market_id, yes)),
    event_ids,
    market_ids,
    st.booleans(),
)


def token(event_id: int, market_id: int, yes: bool) -> str:
    """One of the two tokens of a market."""
    return f"{'yes' if yes else 'no'} {event_id}/{market_id}"


def market(event_id: int, market_id: int, **changes: Any) -> Market:
    """A market as it is listed."""
    tokens = (token(event_id, market_id, True), token(event_id, market_id, False))
    return Market(market_id=market_id, token_ids=tokens, **changes)


def event(event_id: int) -> Event:
    """An event with one market; the other may come later."""
    return Event(event_id=event_id, markets={1: market(event_id, 1, fees=FEES)})


def order(number: int, **changes: Any) -> Order:
    """An open order of ann's."""
    values: dict[str, Any] = {
        "id": f"o{number}",
        "symbol": Symbol(1, 1, token(1, 1, True)),
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": 100,
        "price": 5000,
        "status": OrderStatus.NEW,
        "filled_quantity": 0,
        "remaining_quantity": 100,
        "timestamp": number,
        "user_id": "ann",
        "order_num": number,
        "version": 1,
    }
    return Order(**(values | changes))


orders = st.builds(
    lambda number, order_num, **changes: order(number, order_num=order_num, **changes),
    st.integers(1, 5),
    st.integers(1, 9),
    symbol=symbols,
    user_id=users,
    version=small,
    group=st.none() | names,
    session=st.none() | names,
    expires_at_ms=st.none() | times,
    fee_exact=st.sampled_from([0, 1, 2**80]),
)
leavings = st.builds(
    Leaving,
    st.sampled_from(["expired", "cancel_all", "group", "session"]),
    times,
    small,
    st.just("") | users,
    st.just(0) | event_ids,
    st.just(0) | market_ids,
    st.just("") | names,
    st.just("") | names,
)
_ends = {
    "order_id": st.integers(1, 5).map("o{}".format),
    "symbol": symbols,
    "user_id": users,
    "version": small,
    "filled_quantity": small,
    "remaining_quantity": small,
    "timestamp": times,
}
facts = st.one_of(
    st.builds(OrderCreated, orders),
    st.builds(OrderUpdated, orders),
    st.builds(OrderFilled, **_ends),
    st.builds(OrderCancelled, **_ends),
    st.builds(OrdersLeaving, leavings, st.booleans()),
    st.builds(
        Balance,
        users,
        st.sampled_from(["cash", token(1, 1, True)]),
        st.integers(0, 2),
        st.integers(0, 2),
        small,
    ),
    st.builds(MarketUpdateId, event_ids, market_ids, times, last_price=small),
    event_ids.map(event).map(EventAdded),
    st.builds(EventChanged, event_ids, st.booleans()),
    st.builds(EventRemoved, event_ids),
    st.builds(lambda one, two: MarketAdded(one, market(one, two)), event_ids, market_ids),
    st.builds(MarketRemoved, event_ids, market_ids),
    st.builds(
        MarketChanged,
        event_ids,
        market_ids,
        st.sampled_from(MarketState),
        st.booleans(),
        st.none() | st.just((5000, 5000)),
        st.booleans(),
    ),
    st.builds(Paused, st.booleans(), small),
    st.builds(GroupChanged, users, names, st.integers(0, 2), st.integers(1, 5), st.booleans()),
    st.builds(GroupFilled, users, names, times, small),
    st.builds(SessionChanged, users, names, small),
    st.builds(
        Remembered,
        users,
        st.sampled_from(["SubmitOrder", "Deposit"]),
        st.sampled_from(["", "o1", "o2", "d1"]),
        st.sampled_from(["accepted", "PAUSED"]),
        st.sampled_from(["o1", "o2"]),
        times,
        repeat=st.booleans(),
    ),
    st.builds(Counters, times, small),
)
"""Any fact; in a history of them much comes out of turn, and all of it must be borne."""
histories = st.lists(facts, max_size=30)
