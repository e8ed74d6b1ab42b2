"""Who may try to write."""

from __future__ import annotations

from typing import Protocol

from pmstore.protocols.store import Store


class Lease(Store, Protocol):
    """Named leases with epochs that only grow, over releases and restarts too."""

    async def acquire(self, name: str, ttl_s: float, /) -> int | None:
        """Take the lease *name* for *ttl_s* seconds; its new epoch, None while another holds it."""
        ...

    async def renew(self, name: str, epoch: int, ttl_s: float, /) -> bool:
        """Hold on for *ttl_s* more seconds; False if it is no longer held under *epoch*."""
        ...

    async def release(self, name: str, epoch: int, /) -> None:
        """Give the lease back; without effect if it is not held under *epoch*."""
        ...
