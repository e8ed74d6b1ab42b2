"""A backend whose stores stay in this process: opened again, they hold what they held."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pmstore
from pmstore.backends.memory import (
    MemoryAccountStore,
    MemoryEventStore,
    MemoryOrderStore,
    MemorySnapshotStore,
    MemoryTradeStore,
)
from pmstore.plugin import Backend


class Kept:
    """A place with a URL of its own."""

    def __init__(self, **stores: Any) -> None:
        self.stores: dict[str, Any] = {
            "orders": MemoryOrderStore(),
            "trades": MemoryTradeStore(),
            "accounts": MemoryAccountStore(),
            "events": MemoryEventStore(),
            "snapshots": MemorySnapshotStore(),
        } | stores
        scheme = f"kept{uuid4().hex}"
        self.url = f"{scheme}://"
        pmstore.register(
            Backend(
                name="kept",
                schemes=(scheme,),
                config=lambda url: url,
                contracts={name: self._factory(name) for name in self.stores},  # type: ignore[misc]
            )
        )

    def _factory(self, name: str) -> Any:
        return lambda config: self.stores[name]

    def __getattr__(self, name: str) -> Any:
        return self.stores[name]
