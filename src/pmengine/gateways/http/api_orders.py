"""The operations about orders."""

from __future__ import annotations

from typing import Final

from pmengine.gateways.http import answers, batches, examples, orders, requests, safeguards
from pmengine.gateways.http.operations import Answer, Operation
from pmengine.gateways.http.reasons import CHANGING, NO_ID, NO_USER, READING, WRITING

_ID: Final = {"order_id": "$response.body#/order/id"}
_ITS_ID: Final = {"getOrder": _ID, "amendOrder": _ID, "cancelOrder": _ID}

ORDERS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST",
        path="/orders",
        handle=orders.place_order,
        name="placeOrder",
        says="Place an order; its outcome is durable when it is answered.",
        body=requests.NewOrder,
        body_example=examples.NEW_ORDER,
        answers={
            201: Answer(
                answers.PlacedOrder, "The order after its fills.", examples.PLACED_ORDER, _ITS_ID
            ),
            200: Answer(
                answers.PlacedOrder,
                "The same `client_order_id` and content again: the first order as it is now.",
                examples.PLACED_ORDER,
            ),
        },
        problems={**WRITING, 401: NO_USER, 410: "Accepted before, and no longer kept."},
        user=True,
    ),
    Operation(
        method="POST",
        path="/orders/batch",
        handle=batches.place_orders,
        name="placeOrders",
        says="Place up to 100 orders, taken one after the other; each is answered on its own.",
        body=requests.OrderBatch,
        body_example=examples.ORDER_BATCH,
        answers={
            200: Answer(answers.BatchAnswers, "One answer each, in order.", examples.BATCH_ANSWERS)
        },
        problems={**WRITING, 401: NO_USER},
        user=True,
        weight=lambda batch: len(batch.orders),
    ),
    Operation(
        method="POST",
        path="/groups",
        handle=safeguards.set_group,
        name="setGroup",
        says=(
            "Limit how many shares are filled of the own orders of a group within a while; when "
            "the limit is reached they are cancelled, and new ones refused until it is set again."
        ),
        body=requests.GroupLimit,
        body_example=examples.GROUP_LIMIT,
        answers={200: Answer(answers.GroupView, "The limit.", examples.GROUP_LIMIT)},
        problems={**WRITING, 401: NO_USER},
        user=True,
    ),
    Operation(
        method="POST",
        path="/heartbeats",
        handle=safeguards.beat,
        name="beat",
        says=("Begin a session or let it live on; when it falls silent its orders are cancelled."),
        body=requests.Beat,
        body_example=examples.BEAT,
        answers={200: Answer(answers.SessionView, "The session.", examples.BEAT)},
        problems={**WRITING, 401: NO_USER},
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
        problems={**READING, 401: NO_USER, 422: NO_ID},
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
            **READING,
            401: NO_USER,
            404: "No own order has this id.",
            422: NO_ID,
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
            **WRITING,
            401: NO_USER,
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
            **CHANGING,
            401: NO_USER,
            404: "No own order has this id.",
            409: "The order has ended; there is nothing to cancel.",
            410: "Done, and no longer kept.",
        },
        user=True,
    ),
    Operation(
        method="DELETE",
        path="/orders",
        handle=orders.cancel_orders,
        name="cancelOrders",
        says=(
            "Cancel all own orders, or those of an event, market, group or session; also while "
            "paused."
        ),
        parameters=requests.OrderSelection,
        answers={
            200: Answer(
                answers.CancelledOrders, "The orders as cancelled.", examples.CANCELLED_ORDERS
            )
        },
        problems={
            **CHANGING,
            401: NO_USER,
            404: "No own order is open there.",
        },
        user=True,
    ),
)
