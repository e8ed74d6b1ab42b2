"""Settlement as a process: asks to settle each trade, as one of a group of any number."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from pmengine.processes.deployment import Deployment
from pmengine.processes.service import until
from pmengine.projections import PROCESSOR_STREAM
from pmengine.services.dead_letters import DEAD_LETTERS
from pmengine.services.notes import Note
from pmengine.services.settlement import SETTLEMENT_STREAM, StreamSettlement
from pmengine.services.settler import Settler


class SettlementProcess:
    """One of any number; they share the work by the group, and the sink takes each batch once."""

    name = "settlement"

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._settler: Settler | None = None

    def note(self) -> Note:
        """How far the sink is, as far as this one knows."""
        note = self._deployment.note(self.name)
        place = None if self._settler is None else self._settler.place
        if place is None:
            return note
        return msgspec.structs.replace(
            note, state="running", number=place.number, position=str(place.position)
        )

    def readiness(self) -> tuple[bool, str]:
        """Ready once it takes entries, unless what was settled is lost."""
        if self._settler is None:
            return False, "it opens its streams"
        if self._settler.lack:
            return False, self._settler.lack
        place = self._settler.place
        if place is None:
            return True, "nothing was asked to be settled yet"
        return True, f"trades are asked to be settled through entry {place.number} of the log"

    def numbers(self) -> Mapping[str, float]:
        """What it asked for, and what it put aside, since it started."""
        if self._settler is None:
            return {}
        return {
            "settlement_requests": self._settler.requests,
            "settlement_dead_letters": self._settler.dead_letters,
        }

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Settle until *stopping*.

        Raises:
            LogRewritten: The log went on from another history than what was settled.
            CorruptData: The last entry of `settlement_stream` cannot be read.
        """
        deployment = self._deployment
        settler = self._settler = Settler(
            await deployment.consumers(PROCESSOR_STREAM),
            await deployment.stream(PROCESSOR_STREAM),
            StreamSettlement(
                await deployment.stream(SETTLEMENT_STREAM),
                await deployment.consumers(SETTLEMENT_STREAM),
            ),
            await deployment.stream(DEAD_LETTERS),
            deployment.instance,
        )
        await until(stopping, asyncio.create_task(settler.run()))
