"""Short messages to every process that uses the same truth."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Subscription(Protocol):
    """What was published since it began, in one order that is the same for everybody."""

    async def receive(self) -> str | None:
        """
        Wait for the next message.

        None says that messages may be missing before the next one: the connection was lost,
        or this subscriber was too slow. It comes as soon as the loss is seen, and once per
        loss; after it the subscription connects again by itself, for as long as it takes,
        and hands over what is published from then on.
        """
        ...


class Channel(Protocol):
    """
    Messages in one total order, also over several publishers.

    What A published before B began to publish comes first, for every subscriber (on a
    cluster: one node serves it). Publishers receive their own messages too.
    """

    @property
    def payload_max(self) -> int:
        """Bytes of UTF-8 that one message takes at most; at least 1000."""
        ...

    async def publish(self, messages: Sequence[str], /) -> None:
        """
        Send messages, in this order, in one round trip.

        When it returns, whatever is published later by anybody comes after them.

        Raises:
            StoreUnavailable: Nobody answers; some of them may have been sent.
        """
        ...

    def subscribe(self) -> AbstractAsyncContextManager[Subscription]:
        """
        Begin to receive; when it is entered, everything published from then on comes.

        Raises:
            StoreUnavailable: On entering, if nobody answers.
        """
        ...
