"""The health of a process that has no API: whether it lives, what it does, its numbers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import attrs
import msgspec
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pmengine.services.store_metrics import store_metrics_text

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
JSON: Final = "application/json"


class ServiceVitals(msgspec.Struct, kw_only=True, frozen=True):
    """
    How one service is.

    `number` and `position` are how far it is on the log, `lag` how many of the log's entries
    it is behind the log's end; null if the log did not answer. `numbers` are its own, by the
    names of their metrics.
    """

    service: str
    instance: str
    ready: bool
    reason: str
    role: str
    epoch: int
    number: int
    position: str
    lag: int | None
    numbers: Mapping[str, float]


class Vitals(msgspec.Struct, kw_only=True, frozen=True):
    """
    How a process is: ready if all of its services are.

    `promise` says what the streams keep of what was answered, whatever crashes.
    """

    ready: bool
    promise: str
    services: Sequence[ServiceVitals]


@attrs.frozen
class Pages:
    """Answers the three questions about a process."""

    vitals: Callable[[], Awaitable[Vitals]]

    async def health(self, request: Request) -> Response:
        """The process answers."""
        return Response(b'{"status":"alive"}', media_type=JSON)

    async def ready(self, request: Request) -> Response:
        """200 if every service does its work, else 503."""
        vitals = await self.vitals()
        return Response(msgspec.json.encode(vitals), 200 if vitals.ready else 503, media_type=JSON)

    async def metrics(self, request: Request) -> Response:
        """The same as numbers for Prometheus."""
        return Response(
            metrics_text((await self.vitals()).services), headers={"content-type": METRICS_TYPE}
        )


def create_vitals_app(vitals: Callable[[], Awaitable[Vitals]]) -> Starlette:
    """`/health`, `/ready` and `/metrics` over what *vitals* says; GET only, nothing is secret."""
    pages = Pages(vitals)
    return Starlette(
        routes=[
            Route("/health", pages.health),
            Route("/ready", pages.ready),
            Route("/metrics", pages.metrics),
        ]
    )


def metrics_text(services: Sequence[ServiceVitals]) -> bytes:
    """The numbers of *services* and of the stores they use, as Prometheus reads them."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)

    def gauge(name: str, what: str) -> Gauge:
        return Gauge(f"pmengine_service_{name}", what, ["service"], registry=registry)

    ready = gauge("ready", "1 if the service does its work.")
    number = gauge("log_number", "The log's entry that it has come to.")
    lag = gauge("log_lag", "Entries that it is behind the end of the log.")
    leader = gauge("leader", "1 if it is the engine that takes commands.")
    epoch = gauge("epoch", "The epoch of its lease, 0 without one.")
    for one in services:
        ready.labels(one.service).set(one.ready)
        number.labels(one.service).set(one.number)
        if one.lag is not None:
            lag.labels(one.service).set(one.lag)
        leader.labels(one.service).set(one.role == "leader")
        epoch.labels(one.service).set(one.epoch)
        for name, value in one.numbers.items():
            Gauge(f"pmengine_{name}", f"Of the service {one.service}.", registry=registry).set(
                value
            )
    return generate_latest(registry) + store_metrics_text()
