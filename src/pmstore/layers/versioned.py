"""Versioned records in a truth, with caches in front of it and sinks behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence, Set
from contextlib import AsyncExitStack, suppress
from functools import partial
from operator import methodcaller
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import attrs

from pmstore.errors import (
    LimitExceeded,
    PmstoreError,
    StoreClosed,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.layers.asking import TRUTH, Asking
from pmstore.layers.deadline import within
from pmstore.layers.flights import Flights
from pmstore.layers.layer import Layer
from pmstore.layers.marks import Marks
from pmstore.layers.meter import Meter
from pmstore.layers.options import LayerOptions, Policy
from pmstore.layers.own_messages import OwnMessages
from pmstore.layers.relay import Changes, Relay
from pmstore.layers.sinks import Behind, Sink
from pmstore.models.position import Position
from pmstore.models.query import LIMIT_MAX
from pmstore.protocols.cache import Cache, Token
from pmstore.protocols.outbox import Note
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import Coverage, Limits
from pmstore.storage.kinds import Kind

K = TypeVar("K")
R = TypeVar("R")
T = TypeVar("T")

_LOAD_EVERY_S: Final = 5.0
"""Seconds between two tries to load a cache whole."""


@attrs.frozen(kw_only=True)
class Parts(Generic[K, R]):
    """
    What a layered store is made of; `building` refuses what cannot be.

    Attributes:
        everything: A query for all records, of this limit and after this cursor.
    """

    kind: Kind[K, R]
    layers: Sequence[Layer[Cache[K, R]]]
    truth: Any
    sinks: Sequence[Sink]
    everything: Callable[[int, str | None], Any]
    options: LayerOptions
    now_s: Callable[[], float]
    meter: Meter | None = None


class Versioned(Generic[K, R]):
    """
    Reads through the caches, writes to the truth first.

    - A key that this process is writing is read from the truth, past all caches.
    - A write takes tokens, then writes the truth, then gives the caches what the truth
      took; where a token is void, a floor instead.
    - A miss is read once, whoever asks for it meanwhile; a change of the key detaches that
      flight, and later readers begin a new one.
    """

    def __init__(self, parts: Parts[K, R]) -> None:
        self._kind = parts.kind
        self._layers = list(parts.layers)
        self._first = self._layers[0] if self._layers and not self._layers[0].shared else None
        self._truth = parts.truth
        self._sinks = list(parts.sinks)
        self._everything = parts.everything
        self._options = parts.options
        self._now_s = parts.now_s
        self._meter = parts.meter
        self._asked = Asking(options=parts.options, now_s=parts.now_s, meter=parts.meter)
        self._noted = hasattr(parts.truth, "outbox")
        self._max_age_s = (
            None if self._noted else parts.options.cache_max_age_s / max(1, len(self._layers))
        )
        self._dirty: Marks[K] = Marks(detach=self._detach, doubt=self._doubt)
        self._flights: Flights[K, R] = Flights(
            self._fly, young_s=parts.options.cache_max_age_s, now_s=parts.now_s
        )
        self._tasks: set[asyncio.Future[Any]] = set()
        self._exits = AsyncExitStack()
        self._opened = False
        self._load_after_s = 0.0
        self._batch_size_max = 0
        self._relay: Relay[K] | None = None
        self.behind: list[Behind[K]] = []
        """The workers of the sinks that are written behind the calls."""

    @property
    def limits(self) -> Limits:
        """What one call takes at most: what every layer takes."""
        stores = [
            self._truth,
            *(layer.cache for layer in self._layers),
            *(sink.store for sink in self._sinks),
        ]
        return Limits(batch_size_max=min(one.limits.batch_size_max for one in stores))

    @property
    def coverage(self) -> Coverage:
        """The truth's coverage."""
        coverage: Coverage = self._truth.coverage
        return coverage

    async def __aenter__(self) -> Self:
        self._dirty.clear()
        async with AsyncExitStack() as exits:
            await exits.enter_async_context(self._truth)
            for sink in self._sinks:
                await exits.enter_async_context(sink.store)
            exits.push_async_callback(self._end_tasks)
            for layer in self._layers:
                exits.push_async_callback(layer.close)
                await layer.open(relayed=self._noted)
            if self._noted and self._layers:
                self._relay = self._make_relay()
                exits.push_async_callback(self._relay.close)
                await self._relay.open()
            self.behind = [
                Behind(
                    sink,
                    self._truth.outbox,
                    self._write_behind,
                    options=self._options,
                    meter=self._meter,
                )
                for sink in self._sinks
                if sink.policy is Policy.BEHIND
            ]
            for worker in self.behind:
                exits.push_async_callback(worker.close)
                await worker.open()
            if any(layer.complete for layer in self._layers):
                await self._load_incomplete()
            self._exits = exits.pop_all()
        self._batch_size_max = self.limits.batch_size_max
        self._opened = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._opened = False
        exits, self._exits = self._exits, AsyncExitStack()
        await exits.__aexit__(exc_type, exc, traceback)

    async def read(self, keys: Sequence[K]) -> dict[K, R]:
        """The records of *keys*, from the first layer that has them and may be trusted."""
        self._check_call(len(keys))
        first, dirty = self._first, self._dirty
        if (
            first is not None
            and (not dirty or dirty.keys().isdisjoint(keys))
            and first.usable(self._now_s())
        ):
            looked = await first.cache.lookup(keys)
            if len(looked.found) == len(keys):
                if self._meter is not None:
                    self._meter.hits(first.name, len(keys))
                return looked.found
            return await self._read_on(keys, looked.found, looked.token)
        return await self._read_on(keys, {}, None)

    async def read_fresh(self, keys: Sequence[K]) -> dict[K, R]:
        """The records of *keys* as the truth has them now."""
        self._check_call(len(keys))
        async with within(self._options.call_s, "the stack"):
            return await self._from_truth(keys)

    async def find(self, query: Any) -> Any:
        """The page that *query* asks for, from the first layer that holds all of it."""
        self._check_call()
        async with within(self._options.call_s, "the stack"):
            if not self._dirty:
                for layer in self._layers:
                    if layer.complete and layer.usable(self._now_s()):
                        with suppress(StoreUnavailable):
                            page = await layer.call("find", lambda cache: cache.find(query))  # type: ignore[attr-defined]
                            if page is not None:
                                return page
                        self._begin_load()
            return await self._asked("find", lambda: self._truth.find(query))

    async def write(self, records: Sequence[R]) -> None:
        """Save *records* to the truth, then to the caches and sinks."""
        self._check_call(len(records))
        key = self._kind.key
        keys = [key(record) for record in records]
        async with within(self._options.call_s, "the stack"):
            with self._dirty.writing(keys):
                tokens = await self._lease(keys)
                if self._noted:
                    kept: frozenset[K] = await self._asked(
                        "save", lambda: self._truth.save_noted(records)
                    )
                else:
                    kept = frozenset()
                    await self._asked("save", lambda: self._truth.save(records))
                await self._settle(keys, records, kept, tokens)
            for sink in self._sinks:
                await sink.write(lambda store: store.save(records))

    async def remove(self, versions: Sequence[tuple[K, int]]) -> int:
        """Remove from the truth, then floor the caches and remove from the sinks."""
        self._check_call(len(versions))
        keys = [key for key, _ in versions]
        async with within(self._options.call_s, "the stack"):
            with self._dirty.writing(keys):
                removed: int = await self._asked(
                    "remove", lambda: self._truth.remove(versions), repeatable=False
                )
                await self._floor_all([(key, version + 1) for key, version in versions])
            for sink in self._sinks:
                await sink.write(lambda store: store.remove(versions))
            return removed

    async def apply_changes(self, changes: Sequence[R], source: str, position: Position) -> Applied:
        """`Positioned.apply` over the truth and every sink that is not behind."""
        self._check_call(len(changes))
        key, version = self._kind.key, self._kind.version
        floors = [(key(record), version(record)) for record in changes]
        async with within(self._options.call_s, "the stack"):
            with self._dirty.writing([name for name, _ in floors]):
                answer = await self._asked(
                    "apply",
                    lambda: self._truth.apply(changes, source=source, position=position),
                    repeatable=False,
                )
                # Also for a duplicate: the call that was applied perhaps never got so far.
                await self._floor_all(floors)
            answers = {answer}
            for sink in self._sinks:
                answers.add(
                    await sink.write(
                        lambda store: store.apply(changes, source=source, position=position)
                    )
                )
        return Applied.APPLIED if Applied.APPLIED in answers else Applied.DUPLICATE

    async def position(self, source: str) -> Position | None:
        """The lowest position of the layers that keep one."""
        self._check_call()
        stores = [
            self._truth,
            *(sink.store for sink in self._sinks if sink.policy is not Policy.BEHIND),
        ]
        async with within(self._options.call_s, "the stack"):
            return await self._asked.lowest_position(stores, source)

    async def _read_on(
        self, keys: Sequence[K], found: dict[K, R], token: Token | None
    ) -> dict[K, R]:
        """Read what the first layer did not have; *token* is of its lookup, if it was asked."""
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        past = [key for key in missing if key in self._dirty]
        wanted = [key for key in missing if key not in self._dirty]
        flights = self._flights.board(wanted, token)
        async with within(self._options.call_s, "the stack"):
            if past:
                found.update(await self._from_truth(past))
            for flight, carried in flights:
                records = await asyncio.shield(flight.task)
                for key in carried:
                    if key in records:
                        found[key] = self._kind.copy(records[key])
        return found

    async def _fly(self, keys: Sequence[K], token: Token | None) -> dict[K, R]:
        """Read down to the truth, then fill every layer that missed, once."""
        async with within(self._options.call_s, "the stack"):
            found: dict[K, R] = {}
            missing = list(keys)
            holding: list[tuple[Layer[Cache[K, R]], Token, list[K]]] = []
            for layer in self._layers:
                if not missing:
                    break
                if layer is self._first and token is not None:
                    holding.append((layer, token, missing))
                elif layer.usable(self._now_s()):
                    with suppress(PmstoreError):
                        looked = await layer.call("get", methodcaller("lookup", missing))
                        if self._meter is not None:
                            self._meter.hits(layer.name, len(looked.found))
                        found.update(looked.found)
                        missing = [key for key in missing if key not in looked.found]
                        if missing:
                            holding.append((layer, looked.token, missing))
            absent: list[K] = []
            if missing:
                records = await self._from_truth(missing)
                found.update(records)
                absent = [key for key in missing if key not in records]
            for layer, held, lacked in reversed(holding):
                await self._fill(layer, held, lacked, found, absent)
            return found

    async def _fill(
        self,
        layer: Layer[Cache[K, R]],
        token: Token,
        lacked: Sequence[K],
        found: dict[K, R],
        absent: Sequence[K],
    ) -> None:
        records = [found[key] for key in lacked if key in found]
        with suppress(PmstoreError):
            kept = await layer.call(
                "fill",
                lambda cache: cache.put(token, records, absent=absent, max_age_s=self._max_age_s),
            )
            if self._meter is not None:
                count = sum(self._kind.key(record) in kept for record in records)
                self._meter.fills("kept", count)
                self._meter.fills("refused", len(records) - count)

    async def _lease(self, keys: Sequence[K]) -> dict[str, Token]:
        """A token of every layer that is written by the call and answers."""
        tokens: dict[str, Token] = {}
        for layer in self._layers:
            if layer.policy is Policy.BEHIND:
                continue
            try:
                tokens[layer.name] = await layer.call("lease", lambda cache: cache.lease(keys))
            except PmstoreError as error:
                if layer.policy is Policy.REQUIRED:
                    raise StoreUnavailable(
                        f"nothing was written: the required layer {layer.name} does not answer",
                        outcome=WriteOutcome.NOT_APPLIED,
                    ) from error
        return tokens

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

        async def settled(layer: Layer[Cache[K, R]]) -> None:
            token = tokens.get(layer.name)
            rest = floors
            if token is not None and took:
                put = await layer.call(
                    "put", lambda cache: cache.put(token, took, max_age_s=self._max_age_s)
                )
                rest = [floor for floor in floors if floor[0] not in put]
            if rest:
                await layer.call("floor", lambda cache: cache.floor(rest))

        await self._reach(keys, settled)

    async def _floor_all(self, floors: Sequence[tuple[K, int]]) -> None:
        async def floored(layer: Layer[Cache[K, R]]) -> None:
            await layer.call("floor", lambda cache: cache.floor(floors))

        await self._reach([key for key, _ in floors], floored)

    async def _reach(
        self, keys: Sequence[K], work: Callable[[Layer[Cache[K, R]]], Awaitable[None]]
    ) -> None:
        """Do *work* for each layer, the lowest first; what it cannot reach is not trusted."""
        failed: PmstoreError | None = None
        for layer in reversed(self._layers):
            if layer.policy is Policy.BEHIND:
                self._dirty.stay(keys)
                continue
            try:
                await work(layer)
            except PmstoreError as error:
                layer.distrust()
                if layer.policy is Policy.REQUIRED:
                    failed = error
        self._detach(keys)
        if failed is not None:
            raise StoreUnavailable(
                f"the truth has the change, but a required cache does not: {failed}",
                outcome=WriteOutcome.APPLIED,
            ) from failed

    def _doubt(self, keys: Set[K]) -> None:
        """The truth may have changes of *keys*, which are marked, that the caches lack."""
        relay = self._relay
        if relay is not None and len(relay.doubtful) + len(keys) <= self._options.notes_max:
            known = relay.doubtful & keys
            relay.doubtful |= keys
            self._dirty.release(known)
            return
        # Nobody tells of them, or they are too many: no key is read from a cache meanwhile.
        for layer in self._layers:
            layer.distrust()
        self._dirty.release(keys)

    def _detach(self, keys: Iterable[K]) -> None:
        self._flights.detach(keys)

    def _detach_changed(self, changes: Changes[K]) -> None:
        if changes is None:
            self._flights.detach_all()
        else:
            self._detach(key for key, _ in changes)

    async def _apply_changes(self, layer: Layer[Any], changes: Changes[K]) -> None:
        """Bring what the relay learnt into one layer."""
        if changes is None:
            await layer.call("clear", lambda cache: cache.clear())
            return
        most = self.limits.batch_size_max
        for start in range(0, len(changes), most):
            part = changes[start : start + most]
            await layer.call("floor", methodcaller("floor", part))
        if layer.complete:
            # A floor without a record ends completeness: look the new record up.
            self._start(self._read_again([key for key, _ in changes]))

    async def _read_again(self, keys: Sequence[K]) -> None:
        with suppress(PmstoreError):
            most = self.limits.batch_size_max
            for start in range(0, len(keys), most):
                await self.read(keys[start : start + most])

    async def _load_incomplete(self) -> None:
        """Load every cache whole that shall be and is not."""
        for layer in self._layers:
            if layer.complete:
                with suppress(PmstoreError):
                    await self._load(layer)

    async def _load(self, layer: Layer[Any]) -> None:
        one = self._everything(1, None)
        if await layer.call("find", lambda cache: cache.find(one)) is not None:
            return
        token = await layer.call("load", lambda cache: cache.begin_load())
        after: str | None = None
        while True:
            query = self._everything(LIMIT_MAX, after)
            page = await self._asked("load", partial(self._truth.find, query))
            records = await self._versioned(page.items)
            if not await layer.call("load", methodcaller("load", token, records)):
                return
            after = page.next
            if after is None:
                await layer.call("load", lambda cache: cache.finish_load(token))
                return

    async def _versioned(self, items: Sequence[Any]) -> list[R]:
        """What `find` showed, in the form that `save` takes."""
        return list(items)

    def _begin_load(self) -> None:
        now_s = self._now_s()
        if now_s >= self._load_after_s:
            self._load_after_s = now_s + _LOAD_EVERY_S
            self._start(self._load_incomplete())

    async def _from_truth(self, keys: Sequence[K]) -> dict[K, R]:
        load = self._truth.load if self._noted else self._truth.get
        records: dict[K, R] = await self._asked("get", lambda: load(keys))
        if self._meter is not None:
            self._meter.hits(TRUTH, len(records))
        return records

    async def _write_behind(self, sink: Sink, notes: Sequence[Note[K]]) -> None:
        """Let *sink* have the present state of what *notes* name."""
        least: dict[K, int] = {}
        for note in notes:
            if note.key is not None:
                least[note.key] = max(note.least, least.get(note.key, 0))
        records = await self._from_truth(list(least))
        if records:
            await sink.store.save(list(records.values()))
        gone = [(key, floor - 1) for key, floor in least.items() if key not in records]
        if gone:
            await sink.store.remove(gone)

    def _make_relay(self) -> Relay[K]:
        return Relay(
            self._truth.outbox,
            OwnMessages(self._truth.channel, self._kind.name),
            self._layers,
            apply=self._apply_changes,
            detach=self._detach_changed,
            release=self._dirty.release,
            write_key=self._kind.write_key,
            read_key=self._kind.read_key,
            options=self._options,
            now_s=self._now_s,
            meter=self._meter,
        )

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_tasks(self) -> None:
        tasks, self._tasks = list(self._tasks), set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._flights.close()

    def _check_call(self, size: int = 0) -> None:
        if not self._opened:
            raise StoreClosed("the stack is closed; use it inside `async with`")
        if size > self._batch_size_max:
            raise LimitExceeded(
                f"{size} records in one call of a stack that takes {self._batch_size_max}; "
                f"split the batch"
            )
