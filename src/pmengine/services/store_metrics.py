"""What the layers of this process's stores count, for Prometheus and for who looks at them."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import attrs
from prometheus_client import CollectorRegistry, generate_latest

from pmstore.metrics import PrometheusMeter

_STORES: Final = CollectorRegistry()
_BREAKERS: Final = ("closed", "half open", "open")


@attrs.frozen(kw_only=True)
class LayerCounted:
    """
    What one layer of a store did since the process started.

    `breaker` is `closed`, `half open` or `open`, empty for a layer without one; `mean_ms` is
    the mean time of the calls that were answered, in words.
    """

    store: str
    layer: str
    breaker: str
    calls: int
    mean_ms: str
    errors: int


def meter_of(store: str) -> PrometheusMeter:
    """What counts for *store* (`orders`); one for each name, whoever opens it."""
    return PrometheusMeter(store, registry=_STORES)


def store_metrics_text() -> bytes:
    """Everything counted in this process so far, as Prometheus reads it."""
    return generate_latest(_STORES)


def layers_counted() -> list[LayerCounted]:
    """The same for each layer that was called, by store and layer."""
    sums: defaultdict[tuple[str, str], defaultdict[str, float]] = defaultdict(
        lambda: defaultdict(float)
    )
    for family in _STORES.collect():
        for one in family.samples:
            if "layer" in one.labels:
                sums[one.labels["store"], one.labels["layer"]][one.name] += one.value
    counted = []
    for (store, layer), values in sorted(sums.items()):
        calls = int(values["pmstore_op_seconds_count"])
        mean_ms = f"{values['pmstore_op_seconds_sum'] / calls * 1000:.2f}" if calls else "-"
        state = values.get("pmstore_breaker_state")
        counted.append(
            LayerCounted(
                store=store,
                layer=layer,
                breaker="" if state is None else _BREAKERS[int(state)],
                calls=calls,
                mean_ms=mean_ms,
                errors=int(values["pmstore_errors_total"]),
            )
        )
    return counted
