"""The engine's pen: batches become entries of the log, each exactly once and behind the last."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from pmengine.services.log import Log, Place
from pmengine.services.outages import Outage
from pmengine.services.recovery import Recovered
from pmstore import Conflict, Fenced, Position, StoreUnavailable, payload_hash
from pmstore import Head as LogHead
from pmstore.codec import encode_batch

PUBLISH_TRIES_MAX: Final = 8
PUBLISH_BACKOFF_S: Final = 0.05
TROUBLE_S: Final = 1.0
"""After so long without success nothing new is accepted: see `Publisher.trouble`."""


class EngineStopped(Exception):
    """The engine cannot go on; what was acknowledged is in the log."""


class PublishFailed(EngineStopped):
    """The log does not take the batch: the engine stops accepting, its books are dropped."""


class Superseded(EngineStopped):
    """Another engine wrote to the log: this one's books are no longer the truth."""


class Publisher:
    """
    Puts one batch after the other on the log, by rule R1.

    Args:
        recovered: Where the log stands.
        epoch: The lease under which it writes.
    """

    def __init__(self, log: Log, recovered: Recovered, epoch: int) -> None:
        self.place: Place = recovered.place
        """The last entry that was put there, or that it began on."""
        self.trouble = ""
        """Why nothing new should be accepted; empty while the log takes what was decided."""
        self._log = log
        self._head: LogHead = recovered.head
        self._epoch = epoch

    async def publish(self, time_ms: int, positions: Mapping[str, Position], facts: bytes) -> int:
        """
        Make *facts*, a JSON array, the next entry; its size in bytes.

        Args:
            time_ms: The engine's time.
            positions: How far every input is consumed with it.

        Raises:
            PublishFailed, Superseded: See there; nobody may be answered for it.
        """
        number = self.place.number + 1
        payload, own_hash = encode_batch(
            number, self._epoch, time_ms, self.place.hash, positions, facts
        )
        position = await self._append(payload)
        self._head = LogHead(position, payload_hash(payload))
        self.place = Place(position, number, own_hash)
        return len(payload)

    async def _append(self, payload: bytes) -> Position:
        """Append once, whatever the failures in between say of their outcome."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        outage = Outage("engine")
        for attempt in range(PUBLISH_TRIES_MAX):
            if attempt:
                await asyncio.sleep(PUBLISH_BACKOFF_S * 2**attempt)
            try:
                position = await self._append_or_find(payload)
            except StoreUnavailable as error:
                outage.say(error)
                failure = error
                if loop.time() - began >= TROUBLE_S:
                    self.trouble = f"the log does not take what was decided: {error}"
            else:
                self.trouble = ""
                outage.over()
                return position
        raise PublishFailed(
            f"the log did not take batch {self.place.number + 1} in {PUBLISH_TRIES_MAX} tries: "
            f"{failure}"
        ) from failure

    async def _append_or_find(self, payload: bytes) -> Position:
        """Append behind the head, or find that an append of unknown outcome did it."""
        try:
            return await self._log.stream.append(
                [payload], expect_head=self._head, epoch=self._epoch
            )
        except Conflict as error:
            # Read, not asked for the bounds: what is read is as durable as an append promises.
            found = await self._log.stream.read(self._head.id, 2)
            if len(found) == 1 and found[0].payload == payload:
                return found[0].id
            raise Superseded(f"the log goes on without this engine: {error}") from error
        except Fenced as error:
            raise Superseded(f"another engine took over: {error}") from error
