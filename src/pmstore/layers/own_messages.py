"""The messages of one kind of store, on a channel that carries those of others too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from pmstore.protocols.channel import Channel, Subscription

_BETWEEN: Final = " "


class OwnMessages:
    """
    A `Channel` that shows what is published under the same name alone.

    Several truths of one place, such as its orders and its trades, share a channel there,
    and a relay understands the keys of its own kind only.
    """

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel = channel
        self._label = f"{name}{_BETWEEN}"

    @property
    def payload_max(self) -> int:
        """Bytes that are left of one message."""
        return self._channel.payload_max - len(self._label.encode())

    async def publish(self, messages: Sequence[str], /) -> None:
        """Send messages under the name; see `Channel.publish`."""
        await self._channel.publish([self._label + message for message in messages])

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        """Begin to receive what has the name; see `Channel.subscribe`."""
        async with self._channel.subscribe() as subscription:
            yield _Own(subscription, self._label)


class _Own:
    def __init__(self, subscription: Subscription, label: str) -> None:
        self._subscription = subscription
        self._label = label

    async def receive(self) -> str | None:
        """The next own message, or None after a loss, of whomever."""
        while True:
            message = await self._subscription.receive()
            if message is None:
                return None
            if message.startswith(self._label):
                return message.removeprefix(self._label)
