"""Reads of versioned records by key: down through the caches, and up again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from operator import methodcaller
from typing import Any, Generic, TypeVar

from pmstore.errors import PmstoreError
from pmstore.layers.asking import TRUTH
from pmstore.layers.flights import Flights
from pmstore.layers.layer import Layer
from pmstore.layers.marks import Marks
from pmstore.layers.stack import Stack
from pmstore.protocols.cache import Cache, Token
from pmstore.storage.kinds import Kind

K = TypeVar("K")
R = TypeVar("R")


class Reading(Generic[K, R]):
    """
    Answers from the first layer that has a record and may be trusted.

    A miss is read once, whoever asks for it meanwhile, and fills every layer that missed. A
    key that is marked is read from the truth, past all caches.
    """

    def __init__(self, stack: Stack[Cache[K, R], K], kind: Kind[K, R], marks: Marks[K]) -> None:
        self._stack = stack
        self._kind = kind
        self._marked = marks.keys
        self._now_s = stack.now_s
        self._meter = stack.meter
        own = stack.layers and not stack.layers[0].shared
        self._first = stack.layers[0] if own else None
        self.max_age_s = (
            None if stack.noted else stack.options.cache_max_age_s / max(1, len(stack.layers))
        )
        """How old what a cache keeps may be, None if somebody tells what changed."""
        self.flights: Flights[K, R] = Flights(
            self._fly, young_s=stack.options.cache_max_age_s, now_s=stack.now_s
        )

    async def read(self, keys: Sequence[K]) -> dict[K, R]:
        """The records of *keys*, from the first layer that has them and may be trusted."""
        self._stack.check_call(len(keys))
        first, marked = self._first, self._marked
        if (
            first is not None
            and (not marked or marked.keys().isdisjoint(keys))
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
        self._stack.check_call(len(keys))
        async with self._stack.within_call():
            return await self.from_truth(keys)

    async def from_truth(self, keys: Sequence[K]) -> dict[K, R]:
        """The same, inside of a call."""
        truth = self._stack.truth
        load = truth.load if self._stack.noted else truth.get
        records: dict[K, R] = await self._stack.asked("get", lambda: load(keys))
        if self._meter is not None:
            self._meter.hits(TRUTH, len(records))
        return records

    async def _read_on(
        self, keys: Sequence[K], found: dict[K, R], token: Token | None
    ) -> dict[K, R]:
        """Read what the first layer did not have; *token* is of its lookup, if it was asked."""
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        past = [key for key in missing if key in self._marked]
        wanted = [key for key in missing if key not in self._marked]
        flights = self.flights.board(wanted, token)
        async with self._stack.within_call():
            if past:
                found.update(await self.from_truth(past))
            for flight, carried in flights:
                records = await asyncio.shield(flight.task)
                for key in carried:
                    if key in records:
                        found[key] = self._kind.copy(records[key])
        return found

    async def _fly(self, keys: Sequence[K], token: Token | None) -> dict[K, R]:
        """Read down to the truth, then fill every layer that missed, once."""
        async with self._stack.within_call():
            found: dict[K, R] = {}
            missing = list(keys)
            holding: list[tuple[Layer[Any], Token, list[K]]] = []
            for layer in self._stack.layers:
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
                records = await self.from_truth(missing)
                found.update(records)
                absent = [key for key in missing if key not in records]
            for layer, held, lacked in reversed(holding):
                await self._fill(layer, held, lacked, found, absent)
            return found

    async def _fill(
        self,
        layer: Layer[Any],
        token: Token,
        lacked: Sequence[K],
        found: dict[K, R],
        absent: Sequence[K],
    ) -> None:
        records = [found[key] for key in lacked if key in found]
        with suppress(PmstoreError):
            kept = await layer.call(
                "fill",
                lambda cache: cache.put(token, records, absent=absent, max_age_s=self.max_age_s),
            )
            if self._meter is not None:
                count = sum(self._kind.key(record) in kept for record in records)
                self._meter.fills("kept", count)
                self._meter.fills("refused", len(records) - count)
