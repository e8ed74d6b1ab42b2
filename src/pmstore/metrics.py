"""What stacks of layers count, for Prometheus; needs the extra `metrics`."""

from pmstore.layers.metered import PrometheusMeter

__all__ = ["PrometheusMeter"]
