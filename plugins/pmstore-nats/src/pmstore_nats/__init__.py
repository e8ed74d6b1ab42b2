"""A backend of pmstore: streams in NATS JetStream."""

from pmstore.plugin import Backend, config_from, hookimpl
from pmstore_nats.config import NatsConfig
from pmstore_nats.stream import NatsStream

__all__ = ["NatsConfig", "NatsStream", "pmstore_backend"]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: ordered logs that any number of processes write and read."""
    return Backend(
        name="nats",
        schemes=("nats",),
        config=lambda url: config_from(NatsConfig, url),
        contracts={"stream": NatsStream},
    )
