"""A whole exchange in one process: what it is made of, and how its services run and stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import attrs
import structlog

from pmengine.services.collector import LOOK_S, spare_the_collector
from pmengine.services.depth import DepthFeed
from pmengine.services.engine import EngineService
from pmengine.services.events import Announcer, EventDesk, Finisher
from pmengine.services.front import Front
from pmengine.services.history import History
from pmengine.services.log import Log
from pmengine.services.recovery import Recovered
from pmengine.services.relay import Relay
from pmengine.services.settler import Settler
from pmengine.services.store import StoreService
from pmengine.services.user_feed import UserFeed
from pmengine.services.verifying import Guard
from pmengine.settings import Settings
from pmstore import Stream

_logger = structlog.get_logger("pmengine")


@attrs.define
class Exchange:
    """
    A whole exchange in one process, running.

    `failed` ends with the error of the first service that could not go on. `inputs` are the
    engine's input streams by name, `log` is what it writes. `guard` checks it, if asked for.
    """

    settings: Settings
    inputs: Mapping[str, Stream]
    log: Log
    recovered: Recovered
    engine: EngineService
    store: StoreService
    history: History
    front: Front
    depth: DepthFeed
    users: UserFeed
    events: EventDesk
    finisher: Finisher
    announcer: Announcer
    failed: asyncio.Future[None]
    guard: Guard | None = None
    settler: Settler | None = None
    ready: bool = True

    async def heads(self) -> Sequence[int]:
        """The number of the last entry of the log, of the one shard that this is."""
        return [await self.log.head_number()]

    def readiness(self) -> tuple[bool, str]:
        """Whether orders are taken, and why not."""
        if not self.ready:
            return False, "the exchange is stopping or a service failed"
        if self.engine.lack:
            return False, self.engine.lack
        return True, "orders are taken"


@asynccontextmanager
async def running(exchange: Exchange, relay: Relay) -> AsyncIterator[None]:
    """
    Every service as a task until left; the engine ends first, then those who follow it.

    A last snapshot is taken, unless a service failed.
    """
    engine = _watched("engine", exchange.engine.run, exchange)
    followers = [
        _watched("relay", relay.run, exchange),
        _watched("front", exchange.front.run, exchange),
        _watched("depth", exchange.depth.run, exchange),
        _watched("users", exchange.users.run, exchange),
        _watched("history", exchange.history.run, exchange),
        _watched("store", exchange.store.run, exchange),
        _watched("events", exchange.finisher.run, exchange),
        _watched("announcer", exchange.announcer.run, exchange),
        _watched("collector", lambda: spare_the_collector(LOOK_S), exchange),
    ]
    if exchange.settler is not None:
        followers.append(_watched("settlement", exchange.settler.run, exchange))
    if exchange.guard is not None:
        followers.append(_watched("guard", exchange.guard.run, exchange))
    try:
        yield
    finally:
        exchange.ready = False
        exchange.engine.stop()
        try:
            async with asyncio.timeout(exchange.settings.shutdown_timeout_s):
                await asyncio.gather(engine, return_exceptions=True)
                if not exchange.failed.done():
                    await exchange.history.reached(exchange.engine.place.number)
        except TimeoutError:
            _logger.warning("stop_timed_out", detail="what was acknowledged is in the log")
        for task in (engine, *followers):
            task.cancel()
        await asyncio.gather(engine, *followers, return_exceptions=True)
        if not exchange.failed.done():
            while await exchange.store.catch_up():
                pass
            await exchange.store.save()
        else:
            exchange.failed.exception()


def _watched(
    name: str, run: Callable[[], Awaitable[None]], exchange: Exchange
) -> asyncio.Task[None]:
    async def watch() -> None:
        try:
            await run()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            exchange.ready = False
            _logger.error("service_failed", service=name, reason=f"{type(error).__name__}: {error}")
            if not exchange.failed.done():
                exchange.failed.set_exception(error)
            raise

    return asyncio.create_task(watch(), name=name)
