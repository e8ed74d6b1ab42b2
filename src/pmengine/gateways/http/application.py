"""Puts the gateway together: routes, guard, description, metrics, the feeds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import groupby

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from pmengine.gateways.auth import Scope
from pmengine.gateways.http.api import OPERATIONS, PREFIX
from pmengine.gateways.http.derived import Derived
from pmengine.gateways.http.endpoint import JSON, Endpoint
from pmengine.gateways.http.freshness import freshness_of
from pmengine.gateways.http.gate import Gate
from pmengine.gateways.http.gateway import Gateway
from pmengine.gateways.http.guard import LoopbackGuard, SocketGuard
from pmengine.gateways.http.metrics import Metrics
from pmengine.gateways.http.openapi import describe
from pmengine.gateways.http.operations import Operation
from pmengine.gateways.http.pages import HtmlPage, Page
from pmengine.gateways.page.endpoint import page_routes
from pmengine.gateways.venue import HtmlAnswer, RequestsCounted, Venue
from pmengine.gateways.websocket import DepthEndpoint, UserEndpoint

METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_ADVICE = f"{PREFIX}/openapi.json says what there is"
_ADVICE_BY_DEPTH = "there are /depth, /health, /ready and /metrics; the API is served elsewhere"


def create_app(venue: Venue) -> Starlette:
    """
    The gateway of *venue*; with AUTH=off it listens to requests from this machine alone.

    `/api/v1/…` with its description at `/api/v1/openapi.json`, `/health`, `/ready`,
    `/metrics`, `/status` and the web page at `/` where there are such pages, and the WebSockets
    `/depth` and, if users are told here, `/user`.
    """
    metrics = Metrics(partial(_numbers, venue))
    freshness = freshness_of(venue)
    gate = Gate(venue.door, venue.limits)
    derived = Derived.of(venue)
    description = describe(OPERATIONS, PREFIX, is_open=gate.is_open)
    routes: list[BaseRoute] = []
    by_path = sorted(OPERATIONS, key=_place)
    for path, operations in groupby(by_path, key=_full_path):
        routes.append(
            Route(path, Endpoint(path, list(operations), venue, freshness, metrics, gate, derived))
        )
    routes += [
        WebSocketRoute("/depth", DepthEndpoint(venue, freshness, metrics.connections)),
        Route("/metrics", _metrics_page(metrics, gate)),
        Route(f"{PREFIX}/openapi.json", Page(JSON, lambda: description, gate)),
    ]
    if venue.status_page is not None:
        needed = None if gate.is_open else Scope.READ
        make = partial(_status_page, venue.status_page, metrics)
        routes.append(Route("/status", HtmlPage(make, gate, needed)))
    if venue.users:
        users = UserEndpoint(venue.users, venue.door)
        metrics.user_connections.set_function(lambda: users.connections)
        routes.append(WebSocketRoute("/user", users))
    if venue.web_page is not None:
        routes += page_routes(venue.web_page, gate)
    return Gateway(routes, _guard(venue), _ADVICE)


def create_depth_app(venue: Venue) -> Starlette:
    """
    The depth feed of *venue* alone; with AUTH=off for this machine alone.

    The WebSocket `/depth`, `/health`, `/ready` and `/metrics`.
    """
    metrics = Metrics(partial(_certified, venue))
    freshness = freshness_of(venue)
    gate = Gate(venue.door, venue.limits)
    derived = Derived.of(venue)
    routes: list[BaseRoute] = [
        Route(one.path, Endpoint(one.path, [one], venue, freshness, metrics, gate, derived))
        for one in OPERATIONS
        if one.outside
    ]
    routes += [
        WebSocketRoute("/depth", DepthEndpoint(venue, freshness, metrics.connections)),
        Route("/metrics", _metrics_page(metrics, gate)),
    ]
    return Gateway(routes, _guard(venue), _ADVICE_BY_DEPTH)


def _guard(venue: Venue) -> Callable[[ASGIApp], ASGIApp]:
    return LoopbackGuard if venue.door.is_open else partial(SocketGuard, limits=venue.limits)


def _numbers(venue: Venue) -> Mapping[str, float]:
    return {**venue.numbers(), **_certified(venue)}


def _certified(venue: Venue) -> Mapping[str, float]:
    return {} if venue.certificate is None else venue.certificate.numbers()


def _metrics_page(metrics: Metrics, gate: Gate) -> Page:
    """With AUTH on for who may read something: a stranger need not know how busy we are."""
    return Page(METRICS_TYPE, metrics.text, gate, None if gate.is_open else Scope.READ)


async def _status_page(
    page: Callable[[RequestsCounted], Awaitable[HtmlAnswer]], metrics: Metrics
) -> HtmlAnswer:
    return await page(metrics.counted())


def _full_path(operation: Operation) -> str:
    return operation.path if operation.outside else PREFIX + operation.path


def _place(operation: Operation) -> tuple[int, int]:
    """Operations of one path together, in the order of the list: routes are tried in it."""
    paths = list(dict.fromkeys(_full_path(one) for one in OPERATIONS))
    return paths.index(_full_path(operation)), OPERATIONS.index(operation)
