"""What the layers of this process's stores count, for Prometheus."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, generate_latest

from pmstore.metrics import PrometheusMeter

_STORES: Final = CollectorRegistry()


def meter_of(store: str) -> PrometheusMeter:
    """What counts for *store* (`orders`); one for each name, whoever opens it."""
    return PrometheusMeter(store, registry=_STORES)


def store_metrics_text() -> bytes:
    """Everything counted in this process so far, as Prometheus reads it."""
    return generate_latest(_STORES)
