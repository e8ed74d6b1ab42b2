"""A server that runs already, named by a URL in the environment."""

from __future__ import annotations

from urllib.parse import urlsplit


class GivenServer:
    """What tests need of a server that is not ours to stop."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self.host = parts.hostname or "localhost"
        self.port = parts.port or (5432 if parts.scheme.startswith("postgres") else 6379)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}, named by the environment"
