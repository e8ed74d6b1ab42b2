"""The depth feed of one client: its markets are mirrored over as few connections as can be."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from pmengine.client.depth_messages import Delta, Snapshot, SubscribeError, reader
from pmengine.client.errors import ClientClosed, ClientError, Refused, UnreadableAnswer
from pmengine.client.mirror import MarketKey, Mirror
from pmengine.client.reconnecting import Reconnecting

SUBSCRIPTIONS_MAX: Final = 100
"""Markets that one connection may follow."""
AGAIN_S: Final = 0.5
"""Pause before a market is subscribed to again that could not be shown."""
NOT_FOUND: Final = 404
_NOT_NOW: Final = frozenset({"HISTORY_BEHIND", "STORE_UNAVAILABLE"})

Connect = Callable[["DepthLink"], Reconnecting]


class DepthFeed:
    """Mirrors of markets, one each however many follow it."""

    def __init__(
        self, url: str, *, silence_s_max: float, trust: ssl.SSLContext | None = None
    ) -> None:
        self._connect: Connect = lambda link: Reconnecting(
            url, link, silence_s_max=silence_s_max, trust=trust
        )
        self._links: dict[DepthLink, asyncio.Task[None]] = {}
        self._mirrors: dict[MarketKey, tuple[Mirror, DepthLink]] = {}

    async def join(self, key: MarketKey) -> Mirror:
        """The mirror of a market, for one more follower; connected if need be."""
        if key in self._mirrors and self._mirrors[key][0].failure is None:
            mirror, _ = self._mirrors[key]
            mirror.followers += 1
            return mirror
        mirror = Mirror(key)
        mirror.followers = 1
        link = next((one for one in self._links if one.has_room), None)
        if link is None:
            link = DepthLink(self._connect)
            self._links[link] = asyncio.create_task(link.run())
        self._mirrors[key] = (mirror, link)
        try:
            await link.add(mirror)
        except BaseException:
            await self.leave(mirror)
            raise
        return mirror

    def trouble(self, mirror: Mirror) -> str:
        """Why the connection of *mirror* is not open, as far as is known."""
        found = self._mirrors.get(mirror.key)
        return "" if found is None else found[1].trouble

    async def leave(self, mirror: Mirror) -> None:
        """One follower less; the last one ends the subscription."""
        mirror.followers -= 1
        if mirror.followers:
            return
        found = self._mirrors.get(mirror.key)
        if found is not None and found[0] is mirror:
            del self._mirrors[mirror.key]
            await found[1].remove(mirror.key)

    async def close(self) -> None:
        """End all connections."""
        tasks = list(self._links.values())
        closed = ClientClosed("the client was closed")
        for mirror, _ in self._mirrors.values():
            mirror.fail(closed)
        self._links.clear()
        self._mirrors.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class DepthLink:
    """One connection, and the markets that are followed over it."""

    def __init__(self, connect: Connect) -> None:
        self._mirrors: dict[MarketKey, Mirror] = {}
        self._socket = connect(self)
        self._later: set[asyncio.Task[None]] = set()
        self._is_dead = False

    @property
    def has_room(self) -> bool:
        """Whether it may follow one more market."""
        return not self._is_dead and len(self._mirrors) < SUBSCRIPTIONS_MAX

    @property
    def trouble(self) -> str:
        """Why it is not connected, as far as is known."""
        return self._socket.trouble

    async def run(self) -> None:
        """Be connected until cancelled."""
        try:
            await self._socket.run()
        except Exception as error:
            # Whatever it is: who waits for a book hears that nothing comes any more.
            self.give_up(UnreadableAnswer(f"the depth feed ended: {error!r}"))
            raise
        finally:
            for task in self._later:
                task.cancel()

    async def add(self, mirror: Mirror) -> None:
        """Follow one more market."""
        self._mirrors[mirror.key] = mirror
        await self._say("subscribe", mirror.key)

    async def remove(self, key: MarketKey) -> None:
        """Follow it no more."""
        if self._mirrors.pop(key, None) is not None:
            await self._say("unsubscribe", key)

    async def greet(self) -> None:
        """Subscribe to everything."""
        for key in list(self._mirrors):
            await self._say("subscribe", key)

    async def hear(self, text: str | bytes) -> None:
        """Take in a message."""
        told = reader.read(text)
        if not isinstance(told, Snapshot | Delta | SubscribeError):
            return
        mirror = self._mirrors.get((told.event_id, told.market_id))
        if mirror is None:
            return  # it is followed no more
        if isinstance(told, Snapshot):
            mirror.begin(told)
        elif isinstance(told, SubscribeError):
            await self._could_not(mirror, told)
        elif not mirror.follow(told):
            await self._say("snapshot", mirror.key)

    def lose(self) -> None:
        """No book is live until it is connected again."""
        for mirror in self._mirrors.values():
            mirror.lose()

    def give_up(self, error: ClientError) -> None:
        """No book will be live."""
        self._is_dead = True
        for mirror in self._mirrors.values():
            mirror.fail(error)

    async def _could_not(self, mirror: Mirror, told: SubscribeError) -> None:
        if told.code == "ALREADY_SUBSCRIBED":
            await self._say("snapshot", mirror.key)
        elif told.code in _NOT_NOW:
            task = asyncio.create_task(self._subscribe_later(mirror))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
        else:
            del self._mirrors[mirror.key]
            mirror.fail(Refused(NOT_FOUND, told.code, told.detail))

    async def _subscribe_later(self, mirror: Mirror) -> None:
        await asyncio.sleep(AGAIN_S)
        if self._mirrors.get(mirror.key) is mirror and not mirror.is_live:
            await self._say("subscribe", mirror.key)

    async def _say(self, action: str, key: MarketKey) -> None:
        event_id, market_id = key
        await self._socket.say({"action": action, "event_id": event_id, "market_id": market_id})
