"""Numbers about the gateway for Prometheus; no label names a user or an order."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from pmengine.gateways.venue import RequestsCounted


class Metrics:
    """
    The counters of one application, in a registry of their own.

    Args:
        numbers: Further ones as they are now, by their names.
    """

    def __init__(self, numbers: Callable[[], Mapping[str, float]] = dict) -> None:
        self._numbers = numbers
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "pmengine_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "pmengine_http_request_seconds",
            "Time from a request to its answer.",
            ["method", "route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=self._registry,
        )
        self._orders = Counter(
            "pmengine_orders",
            "New orders by outcome: accepted, repeated, or the code of the problem.",
            ["outcome"],
            registry=self._registry,
        )
        self.connections = Gauge(
            "pmengine_websocket_connections", "Open connections.", registry=self._registry
        )
        self.user_connections = Gauge(
            "pmengine_websocket_user_connections",
            "Open connections of the user feed.",
            registry=self._registry,
        )
        # Looking a child up by its labels costs more than counting.
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._outcomes: dict[str, Counter] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered; *route* is the path with its parameters' names."""
        key = (method, route, status)
        found = self._answered.get(key)
        if found is None:
            found = self._answered[key] = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
        found[0].inc()
        found[1].observe(seconds)

    def order(self, outcome: str) -> None:
        """A new order was answered."""
        counter = self._outcomes.get(outcome)
        if counter is None:
            counter = self._outcomes[outcome] = self._orders.labels(outcome)
        counter.inc()

    def counted(self) -> RequestsCounted:
        """What was answered so far; cost: a walk over all routes."""
        within: Counts[float] = Counts()
        accepted = requests = 0
        for family in self._registry.collect():
            for one in family.samples:
                if one.name == "pmengine_http_request_seconds_bucket":
                    within[float(one.labels["le"])] += int(one.value)
                elif one.name == "pmengine_http_requests_total":
                    requests += int(one.value)
                elif one.name == "pmengine_orders_total" and one.labels["outcome"] == "accepted":
                    accepted += int(one.value)
        return RequestsCounted(
            accepted=accepted, requests=requests, within=dict(sorted(within.items()))
        )

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        further = CollectorRegistry()
        for name, value in self._numbers().items():
            Gauge(f"pmengine_{name}", "Of the exchange.", registry=further).set(value)
        return generate_latest(self._registry) + generate_latest(further)
