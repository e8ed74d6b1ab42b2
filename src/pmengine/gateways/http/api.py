"""Every operation of the API, declared once: routes and OpenAPI come from this list."""

from __future__ import annotations

from typing import Final

from pmengine.gateways.depth_view import DepthSnapshot
from pmengine.gateways.http import answers, examples, liveness, market_data, requests
from pmengine.gateways.http.api_events import EVENTS
from pmengine.gateways.http.api_money import MONEY
from pmengine.gateways.http.api_orders import ORDERS
from pmengine.gateways.http.operations import Answer, Operation
from pmengine.gateways.http.reasons import READING

PREFIX: Final = "/api/v1"

OPERATIONS: Final[tuple[Operation, ...]] = (
    *ORDERS,
    Operation(
        method="GET",
        path="/depth",
        handle=market_data.get_depth,
        name="getDepth",
        says="The levels of both tokens of a market.",
        parameters=requests.DepthFilter,
        answers={200: Answer(DepthSnapshot, "As the WebSocket snapshot.", examples.DEPTH)},
        problems={**READING, 404: "There is no such market."},
    ),
    Operation(
        method="GET",
        path="/trades",
        handle=market_data.list_trades,
        name="listTrades",
        says="Trades, newest first.",
        parameters=requests.TradeFilter,
        answers={200: Answer(answers.TradePage, "A page of trades.", examples.TRADE_PAGE)},
        problems=READING,
    ),
    *MONEY,
    *EVENTS,
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
