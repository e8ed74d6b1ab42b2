"""Runs some services in one process until it is asked to stop, and tells how they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from pmengine.gateways.http import serving
from pmengine.gateways.http.vitals import ServiceVitals, Vitals, create_vitals_app
from pmengine.processes.deployment import Deployment, open_deployment
from pmengine.processes.foreign_store import require_right_log
from pmengine.processes.service import Service
from pmengine.services.collector import LOOK_S, spare_the_collector
from pmengine.services.log import STORE_STREAM, link_of
from pmengine.services.notes import SERVICE_STREAM, Herald
from pmengine.settings import Settings
from pmstore import CorruptData, PmstoreError, StoreUnavailable

HASTY: Final = frozenset({"history"})
"""An API waits to hear from these before it answers questions."""
GATEWAYS: Final = frozenset({"api", "asset", "websocket-depth", "websocket-user"})
ASK_S_MAX: Final = 2.0

_logger = structlog.get_logger("pmengine")


async def run_services(
    settings: Settings,
    makers: Sequence[Callable[[Deployment], Service]],
    stopping: asyncio.Event,
    *,
    listening: Callable[[str], None] = lambda url: None,
) -> None:
    """
    Run the services that *makers* make until *stopping*, or until one cannot go on.

    Args:
        listening: Told where the process answers `/health`, `/ready` and `/metrics`.

    Raises:
        SettingsError: The streams or stores are of one process, or the log is another engine's.
        OSError: An address cannot be had.
        Exception: From the first service that failed; the others were stopped.
    """
    async with open_deployment(settings) as deployment:
        services = [make(deployment) for make in makers]
        require_right_log(settings, [one.name for one in services])
        app = create_vitals_app(_Asking(deployment, services).vitals)
        async with serving(app, settings.service_host, settings.service_port) as url:
            deployment.url = url
            listening(url)
            await _run(deployment, services, stopping)


async def _run(
    deployment: Deployment, services: Sequence[Service], stopping: asyncio.Event
) -> None:
    failed = asyncio.Event()
    ending = {one.name: asyncio.Event() for one in services}

    async def watch(service: Service) -> None:
        try:
            await service.run(ending[service.name])
        except Exception as error:  # whatever it is: it is said, and the others end in order
            reason = f"{type(error).__name__}: {error}"
            _logger.error("service_failed", service=service.name, reason=reason)
            failed.set()
            raise

    running = [asyncio.create_task(watch(one), name=one.name) for one in services]
    telling = asyncio.create_task(_tell(deployment, services))
    has_connections = any(one.name in GATEWAYS for one in services)
    sparing = asyncio.create_task(spare_the_collector(LOOK_S if has_connections else None))
    waiting = [asyncio.create_task(one.wait()) for one in (stopping, failed)]
    try:
        await asyncio.wait({*running, *waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        _stop_waiting(services, running)
        late = await _stop(running, ending, deployment.settings.shutdown_timeout_s)
        if late:
            names = ", ".join(task.get_name() for task in late)
            _logger.warning("stop_timed_out", services=names)
        for task in (*late, *waiting, telling, sparing):
            task.cancel()
        ended = await asyncio.gather(*running, return_exceptions=True)
        await asyncio.gather(*waiting, telling, sparing, return_exceptions=True)
    for one in ended:
        if isinstance(one, Exception):
            raise one


def _stop_waiting(services: Sequence[Service], running: Sequence[asyncio.Task[None]]) -> None:
    """End those at once that wait for their servers, or for their turn: nothing is under way."""
    for service, task in zip(services, running, strict=True):
        note = service.note()
        if note.state == "starting" or note.role == "standby":
            task.cancel()


async def _stop(
    running: Sequence[asyncio.Task[None]], ending: Mapping[str, asyncio.Event], timeout_s: float
) -> list[asyncio.Task[None]]:
    """Let gateways end first, then the engine, then all others; who did not end in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    groups = [GATEWAYS, frozenset({"engine"}), frozenset(ending)]
    for names in groups:
        asked = [task for task in running if task.get_name() in names]
        for task in asked:
            ending[task.get_name()].set()
        if asked:
            # A group that hangs leaves the others time.
            left_s = (deadline - loop.time()) / (1 if names == groups[-1] else 2)
            await asyncio.wait(asked, timeout=max(0.0, left_s))
    return [task for task in running if not task.done()]


async def _tell(deployment: Deployment, services: Sequence[Service]) -> None:
    """Let the others know of these services; the last word is that they ended."""
    stream = await deployment.stream(SERVICE_STREAM)
    herald = Herald(stream, lambda: [one.note() for one in services], hasty=HASTY)
    try:
        await herald.run()
    finally:
        last = [
            msgspec.structs.replace(deployment.note(one.name), state="ended") for one in services
        ]
        try:
            async with asyncio.timeout(ASK_S_MAX):
                await herald.say(last)
        except (StoreUnavailable, TimeoutError):
            _logger.warning("end_not_told")


class _Asking:
    """Puts together how the services are when somebody asks."""

    def __init__(self, deployment: Deployment, services: Sequence[Service]) -> None:
        self._deployment = deployment
        self._services = services

    async def vitals(self) -> Vitals:
        """As it is now; one question to the log."""
        is_there, end = await self._end_of_log()
        told = []
        for service in self._services:
            note = service.note()
            is_ready, reason = service.readiness()
            if not is_there:
                is_ready, reason = False, "the log does not answer"
            told.append(
                ServiceVitals(
                    service=service.name,
                    instance=note.instance,
                    ready=is_ready,
                    reason=reason,
                    role=note.role,
                    epoch=note.epoch,
                    number=note.number,
                    position=note.position,
                    numbers=service.numbers(),
                    lag=None if end is None else max(0, end - note.number),
                )
            )
        return Vitals(
            ready=all(one.ready for one in told),
            promise=await self._deployment.promise(),
            services=told,
        )

    async def _end_of_log(self) -> tuple[bool, int | None]:
        """Whether the log answers, and its last number; entries of another engine have none."""
        is_foreign = self._deployment.settings.store_foreign
        try:
            async with asyncio.timeout(ASK_S_MAX):
                bounds = await (await self._deployment.stream(STORE_STREAM)).bounds()
        except (PmstoreError, TimeoutError) as error:
            return is_foreign and isinstance(error, CorruptData), None
        if is_foreign:
            return True, None
        return True, 0 if bounds is None else link_of(bounds.last).number
