"""Lets one instance of a service work at a time: the others wait for its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from pmengine.processes.deployment import Deployment
from pmengine.services.outages import persistently
from pmstore import Lease, StoreUnavailable

LEASE_PARTS = 8

_logger = structlog.get_logger("pmengine.turns")


async def in_turn(
    deployment: Deployment,
    name: str,
    stopping: asyncio.Event,
    work: Callable[[asyncio.Event], Awaitable[None]],
) -> None:
    """
    Wait for the lease *name*, then *work* until its event is set or the lease is lost.

    An instance that was frozen may work for a moment beside its successor: whatever is done
    in turn must bear that.

    Raises:
        Exception: From *work*.
    """
    lease = await deployment.lease()
    lease_s = deployment.settings.lease_s
    while not stopping.is_set():
        epoch = await persistently(lambda: lease.acquire(name, lease_s), name)
        if epoch is None:
            await _either(stopping, lease_s / LEASE_PARTS)
            continue
        _logger.info("turn_begins", service=name)
        over = asyncio.Event()
        ending = [
            asyncio.create_task(_hold(lease, name, epoch, lease_s, over)),
            asyncio.create_task(_pass_on(stopping, over)),
        ]
        try:
            await work(over)
        finally:
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            try:
                await lease.release(name, epoch)
            except StoreUnavailable as error:
                _logger.warning("lease_not_released", service=name, reason=str(error))


async def _hold(lease: Lease, name: str, epoch: int, lease_s: float, over: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    held_until = loop.time() + lease_s
    while True:
        await asyncio.sleep(lease_s / LEASE_PARTS)
        asked = loop.time()
        try:
            if not await lease.renew(name, epoch, lease_s):
                break
            held_until = asked + lease_s
        except StoreUnavailable:
            if loop.time() > held_until:
                break
    _logger.warning("turn_lost", service=name)
    over.set()


async def _pass_on(stopping: asyncio.Event, over: asyncio.Event) -> None:
    await stopping.wait()
    over.set()


async def _either(stopping: asyncio.Event, wait_s: float) -> None:
    try:
        async with asyncio.timeout(wait_s):
            await stopping.wait()
    except TimeoutError:
        pass
