"""Orders: place, look at, change and cancel them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pmengine.commands import AmendOrder, CancelAll, CancelOrder
from pmengine.facts import Refusal
from pmengine.gateways.http.answers import CancelledOrders, OneOrder, OrderPage, PlacedOrder
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.order_terms import SIDES, submission
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.reading import (
    parse_id,
    parse_name,
    parse_price,
    parse_quantity,
)
from pmengine.gateways.http.requests import (
    OrderAmendment,
    OrderFilter,
    OrderPath,
    OrderSelection,
)
from pmengine.gateways.http.sending import refused, send, valid_until_ms
from pmengine.gateways.http.showing import average_price, show_order, show_trade
from pmstore import (
    ACTIVE_STATUSES,
    Order,
    OrderQuery,
    OrderStatus,
    Trade,
    TradeQuery,
)
from pmstore.queries import all as all_of

ORDERS_PAGE: Final = 1000
TRADES_PAGE: Final = 1000
_CLOSED: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED})


async def place_order(call: Call) -> Reply:
    """Place an order and answer its outcome."""
    try:
        reply = await _place(call)
    except Problem as problem:
        call.metrics.order(problem.code)
        raise
    call.metrics.order("accepted" if reply[0] == 201 else "repeated")
    return reply


async def _place(call: Call) -> Reply:
    command = submission(call, call.body)
    order_id, own_id = command.order_id, command.client_order_id
    answer = await send(call, command, order_id=order_id, client_order_id=own_id)
    if answer.refusal is not None:
        raise refused(answer.refusal)
    if answer.order is None:
        return 200, await repeated(call, answer.answered.order_id)
    return 201, placed(answer.order, answer.trades)


def placed(order: Order, trades: Sequence[Trade]) -> PlacedOrder:
    """A new order as it is after its command, with *trades* that it took."""
    return PlacedOrder(
        order=show_order(order, average_price(order.id, trades)),
        trades=[show_trade(trade) for trade in trades],
    )


async def get_order(call: Call) -> Reply:
    """One own order as it is now."""
    parameters: OrderPath = call.parameters
    await call.freshness.reached()
    order = await _own_order(call, parameters.order_id)
    if order is None:
        raise refused(Refusal.UNKNOWN_ORDER, 404)
    average = average_price(order.id, await _trades(call, order))
    return 200, OneOrder(order=show_order(order, average))


async def list_orders(call: Call) -> Reply:
    """Own orders, oldest first."""
    parameters: OrderFilter = call.parameters
    statuses = {"active": ACTIVE_STATUSES, "closed": _CLOSED}.get(parameters.status or "")
    await call.freshness.reached()
    page = await call.venue.history.orders.find(
        OrderQuery(
            user_id=call.user_id,
            event_id=parameters.event_id,
            market_id=parameters.market_id,
            token_id=parse_name(parameters.token_id, "token_id"),
            side=None if parameters.side is None else SIDES[parameters.side],
            client_order_id=parse_name(parameters.client_order_id, "client_order_id"),
            statuses=statuses,
            after=parameters.after,
            limit=parameters.limit,
        )
    )
    return 200, OrderPage(items=[show_order(order) for order in page.items], next=page.next)


async def amend_order(call: Call) -> Reply:
    """Give an own order a new price and/or total quantity in one step."""
    parameters: OrderPath = call.parameters
    body: OrderAmendment = call.body
    if body.price is None and body.quantity is None:
        raise Problem(422, "MALFORMED", "nothing to change; send price, quantity or both")
    command = AmendOrder(
        order_id=parse_id(parameters.order_id, "order_id"),
        user_id=call.user_id,
        price=None if body.price is None else parse_price(body.price),
        quantity=None if body.quantity is None else parse_quantity(body.quantity),
        valid_until_ms=valid_until_ms(call),
    )
    await _change(call, command)
    order = await _own_order(call, command.order_id)
    if order is None:
        raise _not_kept(command.order_id)
    return 200, await _with_trades(call, order)


async def cancel_order(call: Call) -> Reply:
    """Cancel an own order."""
    parameters: OrderPath = call.parameters
    command = CancelOrder(
        order_id=parse_id(parameters.order_id, "order_id"),
        user_id=call.user_id,
        valid_until_ms=valid_until_ms(call),
    )
    await _change(call, command)
    order = await _own_order(call, command.order_id)
    if order is None:
        raise _not_kept(command.order_id)
    average = average_price(order.id, await _trades(call, order))
    return 200, OneOrder(order=show_order(order, average))


async def cancel_orders(call: Call) -> Reply:
    """Cancel all own orders, or those of an event or a market."""
    parameters: OrderSelection = call.parameters
    command = CancelAll(
        user_id=call.user_id,
        event_id=parameters.event_id,
        market_id=parameters.market_id,
        group=parse_name(parameters.group, "group"),
        session=parse_name(parameters.session, "session"),
        valid_until_ms=valid_until_ms(call),
    )
    answer = await send(call, command)
    if answer.refusal is not None:
        raise refused(answer.refusal)
    ended = [
        one for one in answer.ended if one.user_id == call.user_id and one.reason == "cancel_all"
    ]
    # Where much is left to do of what was before, none of them has ended yet.
    more = any(one.answered.leaving for one in (answer, *answer.others))
    if not ended and not more:
        raise Problem(404, Refusal.UNKNOWN_ORDER.name, "there is no such open order to cancel")
    await call.freshness.reached()
    orders = await _kept(call, [one.order_id for one in ended])
    more = more or await _some_left(call, ended[-1].timestamp)
    return 200, CancelledOrders(items=[show_order(order) for order in orders], more=more)


async def _kept(call: Call, ids: Sequence[str]) -> list[Order]:
    """Those of *ids* that are kept, oldest first: a step of each shard may be many."""
    store = call.venue.history.orders
    most = store.limits.batch_size_max
    found: list[Order] = []
    for start in range(0, len(ids), most):
        found += (await store.get(ids[start : start + most])).values()
    return sorted(found, key=lambda order: order.order_num)


async def _some_left(call: Call, before_ms: int) -> bool:
    """Whether one that is older than *before_ms* still is to end, by an earlier request."""
    selected: OrderSelection = call.parameters
    group, session = selected.group, selected.session
    # Stores do not ask by group or session: one of them takes a walk over who is left.
    query = OrderQuery(
        user_id=call.user_id,
        event_id=selected.event_id,
        market_id=selected.market_id,
        statuses=ACTIVE_STATUSES,
        limit=1 if group is None and session is None else ORDERS_PAGE,
    )
    async for order in all_of(call.venue.history.orders, query):
        if order.timestamp >= before_ms:
            return False
        if group in (None, order.group) and session in (None, order.session):
            return True
    return False


async def repeated(call: Call, order_id: str) -> PlacedOrder:
    """The order that the same request made before, as it is now."""
    await call.freshness.reached()
    order = await _own_order(call, order_id)
    if order is None:
        raise _not_kept(order_id)
    return await _with_trades(call, order)


async def _with_trades(call: Call, order: Order) -> PlacedOrder:
    """*order* with the fills that it took so far, oldest first."""
    trades = await _trades(call, order)
    taken = [show_trade(one) for one in reversed(trades) if one.taker_order_id == order.id]
    return PlacedOrder(order=show_order(order, average_price(order.id, trades)), trades=taken)


async def _change(call: Call, command: AmendOrder | CancelOrder) -> None:
    """Have an own order changed, and wait until the stores show it."""
    answer = await send(call, command, order_id=command.order_id)
    await call.freshness.reached()
    refusal = answer.refusal
    if refusal is Refusal.UNKNOWN_ORDER:
        order = await _own_order(call, command.order_id)
        if order is None:
            raise refused(refusal, 404)
        state: str = show_order(order).status
        if order.status in ACTIVE_STATUSES:
            state = "about to end: it trades no more"
        raise Problem(409, refusal.name, f"the order is {state}; there is nothing to change")
    if refusal is not None:
        raise refused(refusal, 404 if refusal is Refusal.NOT_OWNER else 422)


async def _own_order(call: Call, order_id: str) -> Order | None:
    found = await call.venue.history.orders.get([parse_id(order_id, "order_id")])
    order = found.get(order_id)
    return order if order is not None and order.user_id == call.user_id else None


async def _trades(call: Call, order: Order) -> list[Trade]:
    """Every fill of *order*, newest first."""
    if not order.filled_quantity:
        return []
    query = TradeQuery(order_id=order.id, limit=TRADES_PAGE)
    return [trade async for trade in all_of(call.venue.history.trades, query)]


def _not_kept(order_id: str) -> Problem:
    return Problem(
        410,
        "ORDER_NOT_KEPT",
        "the request was accepted, but the order ended before the stores began: it can no "
        "longer be shown",
        order_id=order_id,
    )
