"""Every operation of the API, declared once: routes and OpenAPI come from this list."""

from __future__ import annotations

from typing import Any, Final

from pmengine.gateways.depth_view import DepthSnapshot
from pmengine.gateways.http import (
    answers,
    events,
    examples,
    liveness,
    market_data,
    money,
    orders,
    requests,
)
from pmengine.gateways.http.operations import Answer, Operation

PREFIX: Final = "/api/v1"

_REFUSED = "The engine refused it; `code` says why."
_NOT_APPLIED = "It was not applied; send it again."
_UNKNOWN = "No outcome in time: ask again with the same ids."
_BEHIND = "The stores did not answer in time."
_NO_USER = "The request does not say who asks."
_MALFORMED = "A field or parameter is unknown, missing, of the wrong type or out of range."
_READING: Final = {400: _MALFORMED, 503: _BEHIND}
_WRITING: Final = {
    400: _MALFORMED,
    413: "The body is larger than 64 KiB.",
    415: "The body is not application/json.",
    422: _REFUSED,
    503: _NOT_APPLIED,
    504: _UNKNOWN,
}
_CHANGING_MARKET: Final = {
    400: _MALFORMED,
    404: "There is no such market.",
    422: _REFUSED,
    503: _NOT_APPLIED,
    504: _UNKNOWN,
}


def _account(says: str) -> dict[int, Answer]:
    return {200: Answer(answers.AccountView, says, examples.ACCOUNT)}


def _money(path: str, handle: Any, name: str, says: str, body: Any, example: Any) -> Operation:
    own = body is not requests.NewDeposit
    return Operation(
        method="POST",
        path=path,
        handle=handle,
        name=name,
        says=says,
        body=body,
        body_example=example,
        answers=_account("The account after it, also when the id was known."),
        problems={**_WRITING, **({401: _NO_USER} if own else {})},
        user=own,
    )


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST",
        path="/orders",
        handle=orders.place_order,
        name="placeOrder",
        says="Place an order; its outcome is durable when it is answered.",
        body=requests.NewOrder,
        body_example=examples.NEW_ORDER,
        answers={
            201: Answer(answers.PlacedOrder, "The order after its fills.", examples.PLACED_ORDER),
            200: Answer(
                answers.PlacedOrder,
                "The same `client_order_id` and content again: the first order as it is now.",
                examples.PLACED_ORDER,
            ),
        },
        problems={**_WRITING, 401: _NO_USER, 410: "Accepted before, and no longer kept."},
        user=True,
    ),
    Operation(
        method="GET",
        path="/orders",
        handle=orders.list_orders,
        name="listOrders",
        says="Own orders in the order of their arrival.",
        parameters=requests.OrderFilter,
        answers={200: Answer(answers.OrderPage, "A page of orders.", examples.ORDER_PAGE)},
        problems={**_READING, 401: _NO_USER},
        user=True,
    ),
    Operation(
        method="GET",
        path="/orders/{order_id}",
        handle=orders.get_order,
        name="getOrder",
        says="One own order as it is now.",
        parameters=requests.OrderPath,
        answers={200: Answer(answers.OneOrder, "The order.", examples.ONE_ORDER)},
        problems={
            **_READING,
            401: _NO_USER,
            404: "No own order has this id.",
            422: "It is no id.",
        },
        user=True,
    ),
    Operation(
        method="PATCH",
        path="/orders/{order_id}",
        handle=orders.amend_order,
        name="amendOrder",
        says=(
            "Give an own order a new price and/or total quantity in one step. A smaller quantity "
            "at the same price keeps its place in the queue."
        ),
        parameters=requests.OrderPath,
        body=requests.OrderAmendment,
        body_example=examples.ORDER_AMENDMENT,
        answers={
            200: Answer(
                answers.PlacedOrder,
                "The order, with all fills it took.",
                examples.PLACED_ORDER,
            )
        },
        problems={
            **_WRITING,
            401: _NO_USER,
            404: "No own order has this id.",
            409: "The order has ended.",
            410: "Done, and no longer kept.",
        },
        user=True,
    ),
    Operation(
        method="DELETE",
        path="/orders/{order_id}",
        handle=orders.cancel_order,
        name="cancelOrder",
        says="Cancel an own order; also while the exchange is paused.",
        parameters=requests.OrderPath,
        answers={200: Answer(answers.OneOrder, "The order as cancelled.", examples.ONE_ORDER)},
        problems={
            400: _MALFORMED,
            401: _NO_USER,
            404: "No own order has this id.",
            409: "The order has ended; there is nothing to cancel.",
            410: "Done, and no longer kept.",
            422: _REFUSED,
            503: _NOT_APPLIED,
            504: _UNKNOWN,
        },
        user=True,
    ),
    Operation(
        method="DELETE",
        path="/orders",
        handle=orders.cancel_orders,
        name="cancelOrders",
        says="Cancel all own orders, or those of an event or a market; also while paused.",
        parameters=requests.OrderSelection,
        answers={
            200: Answer(
                answers.CancelledOrders, "The orders as cancelled.", examples.CANCELLED_ORDERS
            )
        },
        problems={
            400: _MALFORMED,
            401: _NO_USER,
            404: "No own order is open there.",
            422: _REFUSED,
            503: _NOT_APPLIED,
            504: _UNKNOWN,
        },
        user=True,
    ),
    Operation(
        method="GET",
        path="/depth",
        handle=market_data.get_depth,
        name="getDepth",
        says="The levels of both tokens of a market.",
        parameters=requests.DepthFilter,
        answers={200: Answer(DepthSnapshot, "As the WebSocket snapshot.", examples.DEPTH)},
        problems={**_READING, 404: "There is no such market."},
    ),
    Operation(
        method="GET",
        path="/trades",
        handle=market_data.list_trades,
        name="listTrades",
        says="Trades, newest first.",
        parameters=requests.TradeFilter,
        answers={200: Answer(answers.TradePage, "A page of trades.", examples.TRADE_PAGE)},
        problems=_READING,
    ),
    Operation(
        method="GET",
        path="/account",
        handle=money.get_account,
        name="getAccount",
        says="What the user holds.",
        answers=_account("The account."),
        problems={**_READING, 401: _NO_USER},
        user=True,
    ),
    _money(
        "/deposits",
        money.deposit,
        "deposit",
        "Add money that came from outside to a user's account (admin).",
        requests.NewDeposit,
        examples.NEW_DEPOSIT,
    ),
    _money(
        "/withdrawals",
        money.withdraw,
        "withdraw",
        "Take own money out.",
        requests.NewWithdrawal,
        examples.NEW_WITHDRAWAL,
    ),
    _money(
        "/splits",
        money.split,
        "split",
        "Turn own money into shares of both tokens of a market, 1 for a pair; or of the first "
        "token of every market of an exclusive event.",
        requests.PairAmount,
        examples.PAIR_AMOUNT,
    ),
    _money(
        "/merges",
        money.merge,
        "merge",
        "Turn own shares of both tokens of a market back into money, 1 for a pair; or of the first "
        "token of every market of an exclusive event.",
        requests.PairAmount,
        examples.PAIR_AMOUNT,
    ),
    _money(
        "/converts",
        money.convert,
        "convert",
        "Turn own shares of the second token of m markets of an exclusive event into m-1 of money "
        "each, and shares of the first token of its other markets.",
        requests.Conversion,
        examples.CONVERSION,
    ),
    Operation(
        method="POST",
        path="/events",
        handle=events.add_event,
        name="addEvent",
        says="List an event with its markets (admin); the same again changes nothing.",
        body=requests.NewEvent,
        body_example=examples.NEW_EVENT,
        answers={201: Answer(answers.EventView, "The event.", examples.EVENT)},
        problems=_WRITING,
    ),
    Operation(
        method="GET",
        path="/events",
        handle=events.list_events,
        name="listEvents",
        says="Events by id, with best prices and last trade of each outcome.",
        parameters=requests.EventFilter,
        answers={200: Answer(answers.EventPage, "A page of events.", examples.EVENT_PAGE)},
        problems=_READING,
    ),
    Operation(
        method="GET",
        path="/events/{event_id}",
        handle=events.get_event,
        name="getEvent",
        says="One event, with best prices and last trade of each outcome.",
        parameters=requests.EventPath,
        answers={200: Answer(answers.EventView, "The event.", examples.EVENT)},
        problems={**_READING, 404: "There is no such event."},
    ),
    Operation(
        method="POST",
        path="/events/{event_id}/markets/{market_id}/resolve",
        handle=events.resolve_market,
        name="resolveMarket",
        says="Say what the tokens of a market are paid (admin): trading ends, holders are paid.",
        parameters=requests.MarketPath,
        body=requests.Resolution,
        body_example=examples.RESOLUTION,
        answers={200: Answer(answers.MarketView, "The market.", examples.RESOLVED_MARKET)},
        problems={**_WRITING, 404: "There is no such market."},
    ),
    Operation(
        method="POST",
        path="/events/{event_id}/resolve",
        handle=events.resolve_event,
        name="resolveEvent",
        says=(
            "Say what the tokens of an exclusive event are paid (admin): trading ends, holders are "
            "paid."
        ),
        parameters=requests.EventPath,
        body=requests.EventResolution,
        body_example=examples.EVENT_RESOLUTION,
        answers={200: Answer(answers.EventView, "The event.", examples.RESOLVED_EVENT)},
        problems={**_WRITING, 404: "There is no such event."},
    ),
    Operation(
        method="POST",
        path="/events/{event_id}/markets/{market_id}/pause",
        handle=events.pause_market,
        name="pauseMarket",
        says="Refuse new orders in one market (admin); cancels go on.",
        parameters=requests.MarketPath,
        answers={200: Answer(answers.MarketView, "The market.", examples.PAUSED_MARKET)},
        problems=_CHANGING_MARKET,
    ),
    Operation(
        method="POST",
        path="/events/{event_id}/markets/{market_id}/resume",
        handle=events.resume_market,
        name="resumeMarket",
        says="Take new orders in a market again (admin).",
        parameters=requests.MarketPath,
        answers={200: Answer(answers.MarketView, "The market.", examples.MARKET)},
        problems=_CHANGING_MARKET,
    ),
    Operation(
        method="POST",
        path="/pause",
        handle=events.pause,
        name="pause",
        says="Refuse new orders everywhere (admin); cancels go on.",
        answers={200: Answer(answers.PauseView, "The state.", {"paused": True, "post_only_ms": 0})},
        problems={503: _NOT_APPLIED, 504: _UNKNOWN},
    ),
    Operation(
        method="POST",
        path="/resume",
        handle=events.resume,
        name="resume",
        says="Take new orders again (admin), for a while only post-only ones if that is asked.",
        parameters=requests.Resumption,
        answers={
            200: Answer(answers.PauseView, "The state.", {"paused": False, "post_only_ms": 5000})
        },
        problems={400: _MALFORMED, 503: _NOT_APPLIED, 504: _UNKNOWN},
    ),
    Operation(
        method="GET",
        path="/health",
        handle=liveness.health,
        name="health",
        says="The process lives.",
        answers={200: Answer(answers.HealthView, "It does.", {"status": "alive"})},
        outside=True,
    ),
    Operation(
        method="GET",
        path="/ready",
        handle=liveness.ready,
        name="ready",
        says="Orders are taken.",
        answers={
            200: Answer(
                answers.ReadinessView,
                "They are.",
                {"ready": True, "reason": "orders are taken"},
            )
        },
        problems={503: "They are not; `detail` says why."},
        outside=True,
    ),
)
