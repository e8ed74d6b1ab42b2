"""Messages to every process, by the publications of one Redis server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from redis.exceptions import RedisError

from pmstore.backends.redis.client import RedisClient
from pmstore.backends.redis.link import Link
from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.scripts import Script
from pmstore.errors import LimitExceeded, StoreUnavailable

PAYLOAD_MAX: Final = 1_000_000
_SILENCE_S: Final = 1.0
"""After so long without a word the server is asked whether it is there; after twice, it is not."""
_AGAIN_S: Final = 0.05
_AGAIN_S_MAX: Final = 1.0

_PUBLISH: Final = Script(
    """
-- KEYS: the channel's name, for its slot. ARGV: messages.
for _, message in ipairs(ARGV) do
  redis.call('PUBLISH', KEYS[1], message)
end
"""
)


class RedisChannel:
    """
    A `Channel` by publish and subscribe on one server: on a cluster the owner of our slot.

    The server hands messages on and forgets them. It drops a subscriber that is too slow,
    who is told of a loss.

    Args:
        place: Opened while this is used.
        name: Of the channel.
    """

    def __init__(self, place: RedisPlace, name: str) -> None:
        self._place = place
        self._key = place.key(name)

    @property
    def payload_max(self) -> int:
        """Bytes of UTF-8 that one message takes."""
        return PAYLOAD_MAX

    async def publish(self, messages: Sequence[str], /) -> None:
        """
        Send messages, in this order; see `Channel.publish`.

        Raises:
            LimitExceeded: One is longer than `payload_max`; nothing was sent.
        """
        client = self._place.client
        for message in messages:
            if len(message) > PAYLOAD_MAX // 4 and len(message.encode()) > PAYLOAD_MAX:
                raise LimitExceeded(f"a message of {len(message)} letters; {PAYLOAD_MAX} bytes fit")
        if messages:
            await client.run(_PUBLISH, [self._key], messages)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[RedisSubscription]:
        """Begin to receive; see `Channel.subscribe`."""
        subscription = RedisSubscription(self._place.client, self._key)
        try:
            await subscription.begin()
            yield subscription
        finally:
            await subscription.end()


class RedisSubscription:
    """What is published on one connection of its own; a `Subscription`."""

    def __init__(self, client: RedisClient, key: str) -> None:
        self._client = client
        self._key = key
        self._link: Link | None = None

    async def begin(self) -> None:
        """
        Connect and subscribe.

        Raises:
            StoreUnavailable: Nobody answers.
        """
        link = await self._client.connect()
        try:
            await link.send("SUBSCRIBE", self._key)
            if await link.receive(self._client.timeout_s) is None:
                raise StoreUnavailable(f"{self._client.where}: no answer in time")
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"{self._client.where}: cannot subscribe") from error
        except BaseException:
            await link.drop()
            raise
        self._link = link

    async def receive(self) -> str | None:
        """Wait for the next message; see `Subscription.receive`."""
        await self._return()
        silent = False
        while self._link is not None:
            try:
                said = await self._link.receive(_SILENCE_S)
                if said is None and not silent:
                    await self._link.send("PING")
                    silent = True
                    continue
            except (RedisError, OSError):
                said = None
            if said is None:
                await self.end()
                return None
            silent = False
            if said[0] == b"message":
                text: str = said[2].decode()
                return text
        return None

    async def end(self) -> None:
        """Let go of the connection."""
        link, self._link = self._link, None
        if link is not None:
            await link.drop()

    async def _return(self) -> None:
        """Subscribe again after a loss, for as long as it takes."""
        again_s = _AGAIN_S
        while self._link is None:
            try:
                await self.begin()
            except StoreUnavailable:
                await asyncio.sleep(again_s)
                again_s = min(_AGAIN_S_MAX, 2 * again_s)
