"""What a service of a process is to the process that runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Protocol

from pmengine.services.notes import Note


class Service(Protocol):
    """One service in a process: it runs until it is asked to stop, and says how it is."""

    @property
    def name(self) -> str:
        """As `pmengine run` takes it."""
        ...

    def note(self) -> Note:
        """What it says of itself now."""
        ...

    def readiness(self) -> tuple[bool, str]:
        """Whether it does its work, and what it does or why not, in words."""
        ...

    def numbers(self) -> Mapping[str, float]:
        """What else is worth counting, by names of metrics."""
        ...

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Work until *stopping*, and end with everything acknowledged kept.

        Raises:
            Exception: It cannot go on; the process ends.
        """
        ...


async def until(stopping: asyncio.Event, *tasks: asyncio.Task[None]) -> None:
    """Wait for *stopping* or the failure of a task, then end the tasks; raises their failure."""
    try:
        await first_of(stopping, tasks)
    finally:
        await end(tasks)


async def first_of(stopping: asyncio.Event, tasks: Iterable[asyncio.Task[None]]) -> None:
    """Wait for *stopping* or the end of a task; raises the failure of one that ended."""
    waiting = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    for task in tasks:
        if task.done():
            task.result()


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel *tasks* and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
