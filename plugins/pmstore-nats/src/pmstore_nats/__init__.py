"""A backend of pmstore: streams and leases in NATS JetStream."""

import attrs

from pmstore.plugin import Backend, Url, config_from, hookimpl
from pmstore_nats.config import NatsConfig
from pmstore_nats.lease import NatsLease
from pmstore_nats.stream import NatsStream

__all__ = ["NatsConfig", "NatsLease", "NatsStream", "pmstore_backend"]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: ordered logs and leases for any number of processes."""
    return Backend(
        name="nats",
        schemes=("nats",),
        config=lambda url: config_from(NatsConfig, url),
        contracts={"stream": NatsStream, "lease": NatsLease},
        part=_part,
    )


def _part(url: Url, name: str, number: int) -> Url:
    """A prefix beneath the URL's own; JetStream places every stream by itself."""
    prefix = url.parameters.get("prefix")
    said = {"prefix": f"{prefix}-{name}" if prefix else name}
    return attrs.evolve(url, parameters={**url.parameters, **said})
