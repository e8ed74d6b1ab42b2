"""The relay as a process: derives the projections from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from pmengine.processes.deployment import Deployment
from pmengine.processes.service import until
from pmengine.projections import PROJECTIONS
from pmengine.services.log import BEGINNING
from pmengine.services.notes import Note
from pmengine.services.relay import Relay


class RelayProcess:
    """Several of them do together what one does; see `Relay`."""

    name = "relay"

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
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
        targets = {name: await self._deployment.stream(name) for name in PROJECTIONS}
        self._relay = Relay(await self._deployment.log(), targets)
        await until(stopping, asyncio.create_task(self._relay.run()))
