"""A backend of pmstore: streams, leases and consumer groups in NATS JetStream."""

import attrs

from pmstore.plugin import Backend, Url, config_from, hookimpl
from pmstore_nats.config import NatsConfig
from pmstore_nats.consumers import NatsConsumers
from pmstore_nats.lease import NatsLease
from pmstore_nats.stream import NatsStream

__all__ = ["NatsConfig", "NatsConsumers", "NatsLease", "NatsStream", "pmstore_backend"]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: what any number of processes need to work on one exchange."""
    return Backend(
        name="nats",
        schemes=("nats",),
        config=lambda url: config_from(NatsConfig, url),
        contracts={"stream": NatsStream, "lease": NatsLease, "consumers": NatsConsumers},
        part=_part,
    )


def _part(url: Url, name: str, number: int) -> Url:
    """A prefix beneath the URL's own; JetStream places every stream by itself."""
    prefix = url.parameters.get("prefix")
    said = {"prefix": f"{prefix}-{name}" if prefix else name}
    return attrs.evolve(url, parameters={**url.parameters, **said})
