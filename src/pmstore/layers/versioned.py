"""Versioned records in a truth, with caches in front of it and sinks behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence, Set
from operator import methodcaller
from typing import Any, Generic, TypeVar

from pmstore.layers.layer import Layer
from pmstore.layers.listing import Listing
from pmstore.layers.marks import Marks
from pmstore.layers.options import Policy
from pmstore.layers.own_messages import OwnMessages
from pmstore.layers.reading import Reading
from pmstore.layers.relay import Relay
from pmstore.layers.relay_messages import Changes, Words
from pmstore.layers.sinks import Sink
from pmstore.layers.stack import Duties, Parts, Stack
from pmstore.models.position import Position
from pmstore.protocols.cache import Cache, Token
from pmstore.protocols.outbox import Note
from pmstore.protocols.positioned import Applied
from pmstore.storage.kinds import Kind

K = TypeVar("K")
R = TypeVar("R")


class Versioned(Generic[K, R]):
    """
    Writes to the truth first, and reads through the caches.

    - A key that this process is writing is read from the truth, past all caches; so is one
      whose write was cut off, until every cache heard of it.
    - A write takes tokens, then writes the truth, then gives the caches what the truth
      took; where a token is void, a floor instead.

    Args:
        everything, shown_key: See `Listing`.
    """

    def __init__(
        self,
        parts: Parts[Cache[K, R]],
        *,
        kind: Kind[K, R],
        everything: Callable[[int, str | None], Any],
        shown_key: Callable[[Any], K] | None = None,
    ) -> None:
        self._kind = kind
        duties = Duties(
            make_relay=self._make_relay,
            write_behind=self._write_behind,
            begin=self._begin,
            end=self._end,
        )
        self.stack: Stack[Cache[K, R], K] = Stack(
            parts, duties, trusted=not hasattr(parts.truth, "outbox")
        )
        self._marks: Marks[K] = Marks(detach=self._detach, doubt=self._doubt)
        self.reading = Reading(self.stack, kind, self._marks)
        self.listing = Listing(
            self.stack, self.reading, self._marks, everything=everything, shown_key=shown_key
        )

    async def write(self, records: Sequence[R]) -> None:
        """Save *records* to the truth, then to the caches and sinks."""
        stack, key = self.stack, self._kind.key
        stack.check_call(len(records))
        keys = [key(record) for record in records]
        async with stack.within_call():
            with self._marks.writing(keys):
                tokens = await self._lease(keys)
                kept: frozenset[K] = frozenset()
                if stack.noted:
                    kept = await stack.asked("save", lambda: stack.truth.save_noted(records))
                else:
                    await stack.asked("save", lambda: stack.truth.save(records))
                await self._settle(keys, records, kept, tokens)
            await stack.write_sinks(lambda store: store.save(records))

    async def remove(self, versions: Sequence[tuple[K, int]]) -> int:
        """Remove from the truth, then floor the caches and remove from the sinks."""
        stack = self.stack
        stack.check_call(len(versions))
        async with stack.within_call():
            with self._marks.writing(key for key, _ in versions):
                removed: int = await stack.asked(
                    "remove", lambda: stack.truth.remove(versions), repeatable=False
                )
                await self._floor_all([(key, version + 1) for key, version in versions])
            await stack.write_sinks(lambda store: store.remove(versions))
            return removed

    async def apply_changes(self, changes: Sequence[R], source: str, position: Position) -> Applied:
        """`Positioned.apply` over the truth and every sink that is not behind."""
        self.stack.check_call(len(changes))
        key, version = self._kind.key, self._kind.version
        floors = [(key(record), version(record)) for record in changes]
        async with self.stack.within_call():
            with self._marks.writing(name for name, _ in floors):
                answer = await self.stack.apply(changes, source, position)
                # Also for a duplicate: the call that was applied perhaps never got so far.
                await self._floor_all(floors)
            return await self.stack.apply_to_sinks(answer, changes, source, position)

    async def _lease(self, keys: Sequence[K]) -> dict[str, Token]:
        return await self.stack.lease(lambda cache: cache.lease(keys))

    async def _settle(
        self,
        keys: Sequence[K],
        records: Sequence[R],
        kept: frozenset[K],
        tokens: dict[str, Token],
    ) -> None:
        """Give the caches what the truth took, floors where a token is void."""
        key, version = self._kind.key, self._kind.version
        took = [record for record in records if key(record) in kept]
        floors = [(key(record), version(record)) for record in records]
        max_age_s = self.reading.max_age_s

        async def settled(layer: Layer[Cache[K, R]]) -> bool:
            token = tokens.get(layer.name)
            rest = floors
            if token is not None and took:
                put = await layer.call(
                    "put", lambda cache: cache.put(token, took, max_age_s=max_age_s)
                )
                rest = [floor for floor in floors if floor[0] not in put]
            if rest:
                await layer.call("floor", lambda cache: cache.floor(rest))
            return True

        await self._reach(keys, settled)

    async def _floor_all(self, floors: Sequence[tuple[K, int]]) -> None:
        async def floored(layer: Layer[Cache[K, R]]) -> bool:
            await layer.call("floor", lambda cache: cache.floor(floors))
            return True

        await self._reach([key for key, _ in floors], floored)

    async def _reach(
        self, keys: Sequence[K], work: Callable[[Layer[Cache[K, R]]], Awaitable[bool]]
    ) -> None:
        """Do *work* for each layer, and have no reader join a flight from before it."""
        if any(layer.policy is Policy.BEHIND for layer in self.stack.layers):
            # The relay alone tells it.
            self._marks.stay(keys)
        try:
            await self.stack.settle(work)
        finally:
            self._detach(keys)

    def _doubt(self, keys: Set[K]) -> None:
        """The truth may have changes of *keys*, which are marked, that the caches lack."""
        relay = self.stack.relay
        if relay is not None and len(relay.doubtful) + len(keys) <= self.stack.options.notes_max:
            known = relay.doubtful & keys
            relay.doubtful |= keys
            self._marks.release(known)
            return
        # Nobody tells of them, or they are too many: no key is read from a cache meanwhile.
        self.stack.distrust()
        self._marks.release(keys)

    def _detach(self, keys: Iterable[K]) -> None:
        self.reading.flights.detach(keys)

    def _detach_changed(self, changes: Changes[K]) -> None:
        if changes is None:
            self.reading.flights.detach_all()
        else:
            self._detach(key for key, _ in changes)

    async def _apply_changes(self, layer: Layer[Any], changes: Changes[K]) -> None:
        """Bring what the relay learnt into one layer."""
        if changes is None:
            await layer.call("clear", lambda cache: cache.clear())
            return
        most = self.stack.batch_size_max
        for start in range(0, len(changes), most):
            part = changes[start : start + most]
            await layer.call("floor", methodcaller("floor", part))
        if layer.complete:
            self.listing.look_up([key for key, _ in changes])

    async def _write_behind(self, sink: Sink, notes: Sequence[Note[K]]) -> None:
        """Let *sink* have the present state of what *notes* name."""
        least: dict[K, int] = {}
        for note in notes:
            if note.key is not None:
                least[note.key] = max(note.least, least.get(note.key, 0))
        records = await self.reading.from_truth(list(least))
        if records:
            await sink.store.save(list(records.values()))
        gone = [(key, floor - 1) for key, floor in least.items() if key not in records]
        if gone:
            await sink.store.remove(gone)

    def _make_relay(self) -> Relay[K]:
        # The caches were opened a moment ago, and are empty or not trusted.
        self._marks.clear()
        stack, kind = self.stack, self._kind
        return Relay(
            stack.truth.outbox,
            OwnMessages(stack.truth.channel, kind.name),
            stack.layers,
            apply=self._apply_changes,
            detach=self._detach_changed,
            release=self._marks.release,
            words=Words(write_key=kind.write_key, read_key=kind.read_key),
            options=stack.options,
            now_s=stack.now_s,
            meter=stack.meter,
        )

    async def _begin(self) -> None:
        await self.listing.load_incomplete()

    async def _end(self) -> None:
        await self.reading.flights.close()
