"""Every operation of the API, declared once: routes and OpenAPI come from this list."""

from __future__ import annotations

from typing import Final

from pmengine.gateways.http import answers, liveness
from pmengine.gateways.http.api_events import EVENTS
from pmengine.gateways.http.api_markets import MARKETS
from pmengine.gateways.http.api_money import MONEY
from pmengine.gateways.http.api_orders import ORDERS
from pmengine.gateways.http.api_own import OWN
from pmengine.gateways.http.api_topics import TOPICS
from pmengine.gateways.http.callers import CALLERS
from pmengine.gateways.http.operations import Answer, Operation

PREFIX: Final = "/api/v1"

OPERATIONS: Final[tuple[Operation, ...]] = (
    *ORDERS,
    *OWN,
    *MARKETS,
    *MONEY,
    *EVENTS,
    *TOPICS,
    *CALLERS,
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
