"""The counts and times of stacks as Prometheus metrics."""

from __future__ import annotations

from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from pmstore.layers.breaker import BreakerState

_STATES: Final = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
_BUCKETS: Final = (0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


class _Families:
    """The metrics of one registry, made once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = Histogram(
            "pmstore_op_seconds",
            "Time of a call of a layer that was answered.",
            ["store", "layer", "op"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self.errors = Counter(
            "pmstore_errors",
            "Calls of a layer that failed, by the kind of error.",
            ["store", "layer", "kind"],
            registry=registry,
        )
        self.hits = Counter(
            "pmstore_hits", "Records found in a layer.", ["store", "layer"], registry=registry
        )
        self.fills = Counter(
            "pmstore_fills",
            "Records given to caches: kept, or refused as their token was void.",
            ["store", "result"],
            registry=registry,
        )
        self.breaker = Gauge(
            "pmstore_breaker_state",
            "0 closed, 1 half open, 2 open.",
            ["store", "layer"],
            registry=registry,
        )
        self.depth = Gauge("pmstore_outbox_depth", "Notes that wait.", ["store"], registry=registry)
        self.lag = Gauge(
            "pmstore_outbox_lag_seconds", "Age of the oldest note.", ["store"], registry=registry
        )
        self.position_lag = Gauge(
            "pmstore_position_lag",
            "Seconds of stream time between the first and the last layer's position.",
            ["store"],
            registry=registry,
        )


_FAMILIES: Final[dict[CollectorRegistry, _Families]] = {}


class PrometheusMeter:
    """
    A `Meter` for one store; several share the metrics of a registry.

    Args:
        store: The value of the label `store`, such as `orders`.
        registry: Where the metrics are registered.
    """

    def __init__(self, store: str, *, registry: CollectorRegistry = REGISTRY) -> None:
        if registry not in _FAMILIES:
            _FAMILIES[registry] = _Families(registry)
        self._families = _FAMILIES[registry]
        self._store = store

    def took(self, layer: str, op: str, seconds: float, /) -> None:
        """A call of a layer was answered."""
        self._families.seconds.labels(self._store, layer, op).observe(seconds)

    def erred(self, layer: str, kind: str, /) -> None:
        """A call of a layer failed."""
        self._families.errors.labels(self._store, layer, kind).inc()

    def hits(self, layer: str, count: int, /) -> None:
        """Records were found in a layer."""
        self._families.hits.labels(self._store, layer).inc(count)

    def fills(self, result: str, count: int, /) -> None:
        """Records were kept or refused by a cache."""
        self._families.fills.labels(self._store, result).inc(count)

    def breaker(self, layer: str, state: BreakerState, /) -> None:
        """A layer's breaker after a call."""
        self._families.breaker.labels(self._store, layer).set(_STATES[state])

    def outbox(self, depth: int, lag_s: float, /) -> None:
        """What waits in the truth's outbox."""
        self._families.depth.labels(self._store).set(depth)
        self._families.lag.labels(self._store).set(lag_s)

    def position_lag(self, seconds: float, /) -> None:
        """How far the last layer is behind the first."""
        self._families.position_lag.labels(self._store).set(seconds)
