"""Lets one instance of a service work at a time: the others wait for its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog

from pmengine.processes.deployment import Deployment
from pmengine.services.outages import persistently
from pmstore import Lease, StoreUnavailable

LEASE_PARTS: Final = 8
"""How often, within the life of a lease, it is renewed or asked for."""

_logger = structlog.get_logger("pmengine.turns")


class Turn:
    """
    The right to work as the only instance of a service, as far as a lease can give it.

    An instance that was frozen may work for a moment beside its successor: whatever is done
    in turn must bear that.

    Attributes:
        role: `leader` while it is its turn, `standby` while it waits, empty before.
    """

    def __init__(self, deployment: Deployment, name: str) -> None:
        self.role = ""
        self._deployment = deployment
        self._name = f"{name}-{deployment.settings.shard}"
        self._lease_s = deployment.settings.lease_s

    async def run(
        self, stopping: asyncio.Event, work: Callable[[asyncio.Event], Awaitable[None]]
    ) -> None:
        """
        Wait for the turn, then *work* until its event is set; again if the turn was lost.

        Raises:
            Exception: From *work*.
        """
        lease = await self._deployment.lease()
        while not stopping.is_set():
            epoch = await persistently(lambda: lease.acquire(self._name, self._lease_s), self._name)
            if epoch is None:
                self.role = "standby"
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._lease_s / LEASE_PARTS):
                        await stopping.wait()
                continue
            self.role = "leader"
            _logger.info("turn_begins", service=self._name)
            await self._work(lease, epoch, stopping, work)

    async def _work(
        self,
        lease: Lease,
        epoch: int,
        stopping: asyncio.Event,
        work: Callable[[asyncio.Event], Awaitable[None]],
    ) -> None:
        over = asyncio.Event()
        ending = [
            asyncio.create_task(self._hold(lease, epoch, over)),
            asyncio.create_task(_pass_on(stopping, over)),
        ]
        try:
            await work(over)
        finally:
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            try:
                await lease.release(self._name, epoch)
            except StoreUnavailable as error:
                _logger.warning("lease_not_released", service=self._name, reason=str(error))

    async def _hold(self, lease: Lease, epoch: int, over: asyncio.Event) -> None:
        """Renew the lease; *over* is set when another may have it."""
        loop = asyncio.get_running_loop()
        held_until = loop.time() + self._lease_s
        while True:
            await asyncio.sleep(self._lease_s / LEASE_PARTS)
            asked = loop.time()
            try:
                if not await lease.renew(self._name, epoch, self._lease_s):
                    break
                held_until = asked + self._lease_s
            except StoreUnavailable:
                if loop.time() > held_until:
                    break
        _logger.warning("turn_lost", service=self._name)
        over.set()


async def _pass_on(stopping: asyncio.Event, over: asyncio.Event) -> None:
    await stopping.wait()
    over.set()
