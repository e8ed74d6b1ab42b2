"""Whether the streams have room: nothing new is taken while one of them holds too many bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import structlog

from pmengine.services.outages import persistently
from pmstore import StoreUnavailable, Stream

LOOK_S: Final = 0.5
"""How often the streams are measured."""
LOOK_S_MAX: Final = 10.0
COST_MAX: Final = 0.01
"""The share of the time that measuring may take: large streams are measured less often."""
ROOM_AGAIN: Final = 0.9
"""The part of the bound at which a stream that was full has room again."""

_logger = structlog.get_logger("pmengine.room")


class Room:
    """
    Measures streams, and says which of them is at its bound.

    What was appended since the last look is counted on top of it, so that nobody who says
    what he appends comes further than one append beyond the bound. A stream that was full has
    room again at nine tenths of the bound, by itself, when it was trimmed.

    Args:
        streams: By name; each may hold *bytes_max*.
        bytes_max: As `STREAM_BYTES_MAX`; None: there is no bound, and nothing is measured.
    """

    def __init__(self, streams: Mapping[str, Stream], bytes_max: int | None) -> None:
        self.bytes_max = bytes_max
        self._streams = {} if bytes_max is None else dict(streams)
        self._held = dict.fromkeys(self._streams, 0)
        self._grown = dict.fromkeys(self._streams, 0)
        self._full: set[str] = set()
        self._changed = asyncio.Event()
        self._took_s = 0.0

    @property
    def held_bytes(self) -> Mapping[str, int]:
        """What each stream holds, as far as is known."""
        return self._held

    @property
    def lack(self) -> str:
        """Which streams are full, and what follows from that; empty if there is room."""
        if not self._full:
            return ""
        told = ", ".join(f"{name} holds {self._held[name]:,} bytes" for name in sorted(self._full))
        return (
            f"{told} of the {self.bytes_max:,} of STREAM_BYTES_MAX: nothing new is taken until it "
            "was trimmed; pmengine status says who holds it back"
        )

    def is_full(self, name: str) -> bool:
        """Whether the stream *name* is at its bound."""
        return name in self._full

    async def grew(self, name: str, size_bytes: int) -> None:
        """Say that *size_bytes* were appended to the stream *name*; it is measured if need be."""
        if self.bytes_max is None or name not in self._held:
            return
        self._held[name] += size_bytes
        self._grown[name] += size_bytes
        if self._held[name] >= self.bytes_max and name not in self._full:
            # It may have been trimmed since it was measured.
            with suppress(StoreUnavailable):
                await self.look()
            self._judge()

    async def look(self) -> None:
        """
        Measure every stream now.

        Raises:
            StoreUnavailable: One does not answer; it is taken to hold what it did.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        for name, stream in self._streams.items():
            grown = self._grown[name]
            size_bytes = await stream.size_bytes()
            # What was appended meanwhile may be in it or not: rather twice than not at all.
            self._held[name] = size_bytes + self._grown[name] - grown
        self._took_s = loop.time() - began
        self._judge()

    async def run(self) -> None:
        """Measure until cancelled, over outages."""
        if not self._streams:
            return
        while True:
            await persistently(self.look, "room")
            await asyncio.sleep(min(max(LOOK_S, self._took_s / COST_MAX), LOOK_S_MAX))

    async def freed(self, name: str) -> None:
        """Wait until the stream *name* has room."""
        while name in self._full:
            await self._changed.wait()

    def _judge(self) -> None:
        if self.bytes_max is None:
            return
        before = set(self._full)
        for name, held in self._held.items():
            if name not in self._full and held >= self.bytes_max:
                self._full.add(name)
                self._tell(name, held)
            elif name in self._full and held <= ROOM_AGAIN * self.bytes_max:
                self._full.discard(name)
                _logger.info("stream_has_room", stream=name, held_bytes=held)
        if self._full != before:
            self._changed.set()
            self._changed = asyncio.Event()

    def _tell(self, name: str, held: int) -> None:
        _logger.error(
            "stream_full",
            stream=name,
            held_bytes=held,
            bytes_max=self.bytes_max,
            detail="nothing new is taken and nothing is lost; it goes on when the stream was "
            "trimmed. `pmengine status` says for whom the log is kept: start that service again, "
            "or `pmengine forget` it if it is gone for good; is no store service running, start "
            "one; or raise STREAM_BYTES_MAX",
        )
