"""What derives projections from the log as processes: the relay, and the processor of users."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

import msgspec

from pmengine.commands import ORDER_INPUT
from pmengine.processes.deployment import Deployment
from pmengine.processes.service import until
from pmengine.projections import PROCESSOR_STREAM, PROJECTIONS
from pmengine.services.log import BEGINNING
from pmengine.services.moving import Carrier
from pmengine.services.notes import Note
from pmengine.services.relay import Relay
from pmengine.user_events import USER_EVENT_STREAM
from pmstore import Batch, Entry

Carry = Callable[[Sequence[tuple[Entry, Batch]]], Awaitable[None]]

OF_USERS: Final = frozenset({USER_EVENT_STREAM})
"""The projections that the processor writes; the relay writes the others."""


def relay(deployment: Deployment) -> ProjectingProcess:
    """Tells gateways: answers and market data."""
    return ProjectingProcess(deployment, "relay", PROJECTIONS.keys() - OF_USERS)


def processor(deployment: Deployment) -> ProjectingProcess:
    """Tells users: their orders and positions."""
    return ProjectingProcess(deployment, "processor", OF_USERS)


class ProjectingProcess:
    """
    Several of them do together what one does; see `Relay`.

    Args:
        streams: The projections that it writes.
    """

    def __init__(self, deployment: Deployment, name: str, streams: Collection[str]) -> None:
        self.name = name
        self._deployment = deployment
        self._streams = streams
        self._relay: Relay | None = None

    def note(self) -> Note:
        """How far every projection is."""
        note = self._deployment.note(self.name)
        if self._relay is None or self._relay.place is BEGINNING:
            return note
        place = self._relay.place
        position = str(place.position)
        return msgspec.structs.replace(
            note, state="running", number=place.number, position=position, needs_after=position
        )

    def readiness(self) -> tuple[bool, str]:
        """Ready once it knows its streams."""
        if self._relay is None:
            return False, "it opens its streams"
        return True, f"the projections tell of the log through entry {self._relay.place.number}"

    def numbers(self) -> Mapping[str, float]:
        """Nothing beyond its place."""
        return {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Project until *stopping*."""
        targets = {name: await self._deployment.stream(name) for name in self._streams}
        groups = {}
        if PROCESSOR_STREAM in targets:
            groups[PROCESSOR_STREAM] = await self._deployment.consumers(PROCESSOR_STREAM)
        self._relay = Relay(
            await self._deployment.log(), targets, groups=groups, first=await self._carry()
        )
        await until(stopping, asyncio.create_task(self._relay.run()))

    async def _carry(self) -> Carry | None:
        """What finishes the moves of cash to other shards; None where nobody moves any."""
        settings = self._deployment.settings
        if settings.shards == 1 or PROCESSOR_STREAM not in self._streams:
            return None
        inputs = [
            await self._deployment.of_shard(shard).stream(ORDER_INPUT)
            for shard in range(settings.shards)
        ]
        return Carrier(inputs, settings.id_memory_s).carry
