"""Depth as a process: keeps every market's depth, and puts it down for newcomers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec

from pmengine.processes.deployment import Deployment
from pmengine.processes.service import until
from pmengine.processes.turns import Turn
from pmengine.projections import WEBSOCKET_STREAM
from pmengine.services.depth import DepthFeed
from pmengine.services.depth_pictures import DEPTH_PICTURES, DepthPictures
from pmengine.services.depth_stream import DEPTH_STREAM, DepthStream
from pmengine.services.notes import Note
from pmstore import START
from pmstore.clock import system_clock

PICTURE_S: Final = 2.0
"""How often the whole depth is put down while it changes."""


class DepthProcess:
    """One of any number; the newest picture is as good as any other."""

    name = "depth"

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._feed: DepthFeed | None = None

    def note(self) -> Note:
        """How far the depths are."""
        note = self._deployment.note(self.name)
        place = None if self._feed is None else self._feed.place
        if place is None:
            return note
        return msgspec.structs.replace(
            note, state="running", number=place.number, position=str(place.position)
        )

    def readiness(self) -> tuple[bool, str]:
        """Ready once it knows the depths."""
        if self._feed is None or self._feed.place is None:
            return False, "it finds the depths to begin with"
        return True, f"the depths are those after entry {self._feed.place.number} of the log"

    def numbers(self) -> Mapping[str, float]:
        """Nothing beyond its place."""
        return {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Follow the feed until *stopping*."""
        deployment = self._deployment
        pictures = DepthPictures(await deployment.stream(DEPTH_PICTURES))
        self._feed = DepthFeed(
            await deployment.stream(WEBSOCKET_STREAM), START, {}, begin=deployment.depths
        )
        await self._feed.prepare()
        following = [self._feed.run(), pictures.keep(self._feed, PICTURE_S)]
        if deployment.settings.depth_stream_s is not None:
            following.append(self._tell_others(self._feed, deployment.settings.depth_stream_s))
        await until(stopping, *map(asyncio.create_task, following))

    async def _tell_others(self, feed: DepthFeed, every_s: float) -> None:
        """One instance at a time tells readers that are none of ours, until cancelled."""
        deployment = self._deployment
        stream = await deployment.stream(DEPTH_STREAM)

        async def work(over: asyncio.Event) -> None:
            telling = DepthStream(stream, system_clock).keep(feed, every_s)
            await until(over, asyncio.create_task(telling))

        await Turn(deployment, DEPTH_STREAM).run(asyncio.Event(), work)
