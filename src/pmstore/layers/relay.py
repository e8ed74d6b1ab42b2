"""Carries the truth's notes to every cache, and knows until when the caches may be trusted."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import AsyncExitStack, suppress
from typing import Any, Final, Generic, TypeVar

import attrs

from pmstore.errors import PmstoreError
from pmstore.layers.layer import Layer
from pmstore.layers.meter import Meter
from pmstore.layers.options import LayerOptions
from pmstore.layers.relay_messages import Changed, Changes, Marker, Words
from pmstore.protocols.channel import Channel, Subscription
from pmstore.protocols.outbox import CACHES, Note, Outbox

K = TypeVar("K")

_KEEP_EVERY_S: Final = 10.0
"""Seconds after which the relay asks again for notes to be kept."""


@attrs.frozen
class _Round(Generic[K]):
    """When a round began, the private layers' doubts then, and what waits for its marker."""

    began_s: float
    doubts: list[int]
    due: set[K]


class Relay(Generic[K]):
    """
    Floors, publishes and forgets the notes of one truth, and listens to what others publish.

    A round, at the time m of this process's own clock: read the notes; floor the shared
    caches FIRST; publish to all processes second; delete the notes LAST; then publish a
    marker. Whatever was committed before m was either read in this round, or deleted
    before by another process that had floored and published it. So after a round the
    shared caches are right as of m; and when the own marker comes back, in the order of
    the channel, so are the private ones. They are trusted until m + `cache_max_age_s`.

    Args:
        outbox: The truth's notes.
        channel: The truth's channel.
        layers: All caches of the stack.
        apply: Brings changes into one layer; None for everything.
        detach: Told of changes before they are applied to the private layers.
        release: Told of `doubtful` keys, each once, when every cache has them right.
        words: What the processes say to each other.
        merge: Of the `least`s of one key the one that stands for all.
    """

    def __init__(
        self,
        outbox: Outbox[K],
        channel: Channel,
        layers: Sequence[Layer[Any]],
        *,
        apply: Callable[[Layer[Any], Changes[K]], Awaitable[None]],
        detach: Callable[[Changes[K]], None],
        release: Callable[[Set[K]], None],
        words: Words[K],
        merge: Callable[[int, int], int] = max,
        options: LayerOptions,
        now_s: Callable[[], float],
        meter: Meter | None = None,
    ) -> None:
        self._outbox = outbox
        self._channel = channel
        self._shared = [layer for layer in layers if layer.shared]
        self._private = [layer for layer in layers if not layer.shared]
        self._apply = apply
        self._detach = detach
        self._release = release
        self._words = words
        self._merge = merge
        self._options = options
        self._now_s = now_s
        self._meter = meter
        self._process = uuid.uuid4().hex
        self._rounds = 0
        self._sent: dict[int, _Round[K]] = {}
        """Rounds whose marker is on its way, by number."""
        self._beat = asyncio.Event()
        """Set when an own marker came back."""
        self._deaf = False
        """Messages may have been lost, and no marker came back since."""
        self.doubtful: set[K] = set()
        """Keys whose changes may not have been noted yet; released by a round that begins later."""
        self._kept_s = 0.0
        self._exits = AsyncExitStack()

    async def open(self) -> None:
        """Begin to listen, relay once, and go on until `close`."""
        async with AsyncExitStack() as exits:
            await self._keep()
            subscription = await exits.enter_async_context(self._channel.subscribe())
            exits.push_async_callback(_ended, asyncio.ensure_future(self._listen(subscription)))
            with suppress(PmstoreError):
                await self.round()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._beat.wait(), self._options.relay_every_s)
            exits.push_async_callback(_ended, asyncio.ensure_future(self._relay()))
            self._exits = exits.pop_all()

    async def close(self) -> None:
        """End both tasks and the subscription."""
        exits, self._exits = self._exits, AsyncExitStack()
        await exits.aclose()

    async def round(self) -> None:
        """
        Relay what is noted now and send the marker.

        Raises:
            StoreUnavailable: The truth or its channel does not answer; caches are trusted
                only for as long as they were.
        """
        if self._now_s() - self._kept_s >= _KEEP_EVERY_S:
            await self._keep()
        began_s = self._now_s()
        due, self.doubtful = self.doubtful, set()
        doubts = {layer.name: layer.doubts for layer in self._private}
        shared = {layer.name: layer.doubts for layer in self._shared}
        try:
            while await self._relay_some(shared):
                pass
        except BaseException:
            self._doubt_again(due)
            raise
        for layer in self._shared:
            if layer.name in shared:
                layer.trust(began_s + self._options.cache_max_age_s, doubts=shared[layer.name])
        if len(shared) < len(self._shared):
            self._doubt_again(due)
            due = set()
        self._rounds += 1
        number = self._rounds
        # Before it is sent: the marker may come back before the sending is answered.
        self._sent[number] = _Round(began_s, list(doubts.values()), due)
        try:
            await self._channel.publish([Marker(self._process, number).write()])
        except BaseException:
            unheard = self._sent.pop(number, None)
            if unheard is not None:
                self._doubt_again(unheard.due)
            raise

    async def _keep(self) -> None:
        """Have notes kept for the caches; an operator may have ended that meanwhile."""
        now_s = self._now_s()
        if await self._outbox.keep(CACHES):
            # Nobody noted what changed before: shared caches may hold anything, also
            # those that do not answer now.
            await self._outbox.forget(CACHES, [], everything=True)
        self._kept_s = now_s

    async def _relay_some(self, shared: dict[str, int]) -> bool:
        """Relay one read of notes; whether there may be more. Takes failed layers from *shared*."""
        most = self._options.notes_max
        notes = await self._outbox.notes(CACHES, most)
        if not notes:
            return False
        changes = self._merged(notes)
        for layer in self._shared:
            if not await self._floored(layer, changes):
                # Before publishing: nobody here may fill a private cache from it now.
                layer.distrust()
                shared.pop(layer.name, None)
        await self._channel.publish(self._words.write(changes, self._channel.payload_max))
        if len(shared) == len(self._shared):
            await self._outbox.forget(CACHES, notes)
        elif len(notes) == most:
            # A cache is down for long; instead of ever more notes it shall find one: all.
            await self._outbox.forget(CACHES, notes, everything=True)
        return len(notes) == most

    async def _floored(self, layer: Layer[Any], changes: Changes[K]) -> bool:
        try:
            await self._apply(layer, changes)
        except PmstoreError:
            return False
        return True

    async def _relay(self) -> None:
        while True:
            await asyncio.sleep(self._options.relay_every_s)
            try:
                await self.round()
                if self._meter is not None:
                    backlog = await self._outbox.backlog(CACHES)
                    self._meter.outbox(backlog.depth, backlog.lag_s)
            except PmstoreError as error:
                if self._meter is not None:
                    self._meter.erred("relay", type(error).__name__)

    async def _listen(self, subscription: Subscription) -> None:
        while True:
            message = await subscription.receive()
            if message is None:
                await self._lost()
                continue
            match self._words.read(message):
                case Changed(changes):
                    await self._take(changes)
                case Marker(self._process, number) if number in self._sent:
                    await self._came_back(number)

    async def _lost(self) -> None:
        self._deaf = True
        self._detach(None)
        for layer in self._private:
            layer.distrust()
            # A window is filled anew from a truth that may be gone too: it is not trusted then.
            await self._floored(layer, None)

    async def _came_back(self, number: int) -> None:
        """The own marker of a round: what was published before it has been heard."""
        doubts = self._sent[number].doubts
        until_s = self._sent[number].began_s + self._options.cache_max_age_s
        if self._deaf:
            # What was filled while nobody listened may have missed a change.
            self._deaf = False
            await self._take(None)
            doubts = [layer.doubts for layer in self._private]
        for layer, doubt in zip(self._private, doubts, strict=True):
            layer.trust(until_s, doubts=doubt)
        # What earlier rounds published has come, or was told to be lost.
        for sent in [sent for sent in self._sent if sent <= number]:
            self._release(self._sent.pop(sent).due)
        self._beat.set()

    def _doubt_again(self, due: set[K]) -> None:
        """A round did not reach every cache: *due* wait for another."""
        known = self.doubtful & due
        self.doubtful |= due
        self._release(known)

    async def _take(self, changes: Changes[K]) -> None:
        self._detach(changes)
        for layer in self._private:
            if not await self._floored(layer, changes):
                layer.distrust()

    def _merged(self, notes: Sequence[Note[K]]) -> Changes[K]:
        """One pair for each key; None if one of the notes is about everything."""
        merged: dict[K, int] = {}
        for note in notes:
            if note.key is None:
                return None
            known = merged.get(note.key, note.least)
            merged[note.key] = self._merge(known, note.least)
        return list(merged.items())


async def _ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
