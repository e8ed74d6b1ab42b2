"""The user feed as a process: what every user has, and the WebSocket that tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

import msgspec
import structlog

from pmengine.gateways.certificate import Certificate
from pmengine.gateways.http import create_user_app, serving
from pmengine.gateways.websocket import UserEndpoint
from pmengine.processes.deployment import Deployment
from pmengine.processes.entrance import open_entrance
from pmengine.processes.service import end, first_of
from pmengine.projections import decode_batch_told
from pmengine.services.collector import let_go
from pmengine.services.log import Place
from pmengine.services.notes import Note
from pmengine.services.user_feed import UserFeed
from pmengine.services.user_pictures import UserStart, users_of
from pmengine.user_events import USER_EVENT_STREAM

_logger = structlog.get_logger("pmengine.users")


class UserGatewayProcess:
    """One of any number of gateways; it keeps nothing that another could not make again."""

    name = "websocket-user"

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._feeds: Sequence[UserFeed] = ()
        self._is_serving = False
        self._endpoint: UserEndpoint | None = None
        self._certificate: Certificate | None = None

    def note(self) -> Note:
        """How far what it tells users is."""
        note = self._deployment.note(self.name)
        place = self._place()
        if place is None or not self._is_serving:
            return note
        return msgspec.structs.replace(
            note, state="running", number=place.number, position=str(place.position)
        )

    def readiness(self) -> tuple[bool, str]:
        """Ready once it listens."""
        place = self._place()
        if place is None or not self._is_serving:
            return False, "it finds what users have to begin with"
        ready = True, f"users are told of the log through entry {place.number}"
        return ready if self._certificate is None else self._certificate.beside(ready)

    def _place(self) -> Place | None:
        """How far it is on the log of its own shard."""
        if not self._feeds:
            return None
        return self._feeds[self._deployment.shard].place

    def numbers(self) -> Mapping[str, float]:
        """How many clients there are."""
        count = 0 if self._endpoint is None else self._endpoint.connections
        return {"websocket_user_connections": count}

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Serve until *stopping*.

        Raises:
            SettingsError: The keys of who signs tokens cannot be used.
            OSError: The address cannot be had.
            CannotStart, CorruptData: From the log and its snapshots.
        """
        deployment, settings = self._deployment, self._deployment.settings
        feeds = self._feeds = await open_user_feeds(deployment)
        async with AsyncExitStack() as closing:
            following = [asyncio.create_task(feed.run()) for feed in feeds]
            closing.push_async_callback(end, following)
            entrance = await closing.enter_async_context(open_entrance(settings))
            self._certificate = entrance.certificate
            users = self._endpoint = UserEndpoint(feeds, entrance.door)
            app = create_user_app(users, entrance.door, entrance.limits)
            serve = serving(
                app,
                settings.host,
                settings.websocket_user_port,
                certificate=entrance.certificate,
            )
            url = await closing.enter_async_context(serve)
            self._is_serving = True
            _logger.info("gateway_listens", service=self.name, url=url)
            try:
                await first_of(stopping, following)
            finally:
                self._is_serving = False


async def open_user_feeds(deployment: Deployment) -> list[UserFeed]:
    """The feeds of all shards, by their numbers."""
    shards = range(deployment.settings.shards)
    return [await _open_user_feed(deployment.of_shard(shard)) for shard in shards]


async def _open_user_feed(deployment: Deployment) -> UserFeed:
    """What every user has, at a place that `user_event_stream` goes on from."""
    stream = await deployment.stream(USER_EVENT_STREAM)
    is_first = True

    async def begin() -> UserStart:
        """
        At first what the oldest snapshot says, if the stream goes back to it: then clients can
        go on from where they were when another gateway ended. Else what the log says now.
        """
        nonlocal is_first
        found = await deployment.recover(oldest=is_first)
        bounds = await stream.bounds() if is_first else None
        is_first = False
        if bounds is not None:
            first = decode_batch_told(bounds.first.payload, USER_EVENT_STREAM)
            if first.number > found.place.number + 1:
                found = await deployment.recover()
        start = UserStart(found.place, users_of(found.state))
        let_go()
        return start

    feed = UserFeed(stream, {}, begin=begin)
    await feed.prepare()
    return feed
