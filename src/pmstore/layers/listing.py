"""Lists of versioned records: from a cache that holds everything, else from the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from operator import methodcaller
from typing import Any, Final, Generic, TypeVar

from pmstore.errors import PmstoreError, StoreUnavailable
from pmstore.layers.layer import Layer
from pmstore.layers.marks import Marks
from pmstore.layers.reading import Reading
from pmstore.layers.stack import Stack
from pmstore.models.query import LIMIT_MAX
from pmstore.protocols.cache import Cache

K = TypeVar("K")
R = TypeVar("R")

_LOAD_EVERY_S: Final = 5.0
"""Seconds between two tries to load a cache whole."""


class Listing(Generic[K, R]):
    """
    Answers lists, and loads the caches whole that shall answer them.

    Args:
        everything: A query for all records, of this limit and after this cursor.
        shown_key: The key of what a list shows, if a list shows less than is kept.
    """

    def __init__(
        self,
        stack: Stack[Cache[K, R], K],
        reading: Reading[K, R],
        marks: Marks[K],
        *,
        everything: Callable[[int, str | None], Any],
        shown_key: Callable[[Any], K] | None,
    ) -> None:
        self._stack = stack
        self._reading = reading
        self._marks = marks
        self._everything = everything
        self._shown_key = shown_key
        self._load_after_s = 0.0

    async def find(self, query: Any) -> Any:
        """The page that *query* asks for, from the first layer that holds all of it."""
        stack = self._stack
        stack.check_call()
        async with stack.within_call():
            if not self._marks.keys:
                for layer in stack.layers:
                    if layer.complete and layer.usable(stack.now_s()):
                        with suppress(StoreUnavailable):
                            page = await layer.call("find", methodcaller("find", query))
                            if page is not None:
                                return page
                        self._begin_load()
            return await stack.asked("find", lambda: stack.truth.find(query))

    async def load_incomplete(self) -> None:
        """Load every cache whole that shall be and is not."""
        for layer in self._stack.layers:
            if layer.complete:
                with suppress(PmstoreError):
                    await self._load(layer)

    def look_up(self, keys: Sequence[K]) -> None:
        """Floors of *keys* end completeness: have the new records read."""
        self._stack.start(self._read_again(keys))

    async def _read_again(self, keys: Sequence[K]) -> None:
        with suppress(PmstoreError):
            most = self._stack.batch_size_max
            for start in range(0, len(keys), most):
                await self._reading.read(keys[start : start + most])

    def _begin_load(self) -> None:
        now_s = self._stack.now_s()
        if now_s >= self._load_after_s:
            self._load_after_s = now_s + _LOAD_EVERY_S
            self._stack.start(self.load_incomplete())

    async def _load(self, layer: Layer[Any]) -> None:
        one = self._everything(1, None)
        if await layer.call("find", lambda cache: cache.find(one)) is not None:
            return
        token = await layer.call("load", lambda cache: cache.begin_load())
        after: str | None = None
        while True:
            query = self._everything(LIMIT_MAX, after)
            page = await self._stack.asked("load", partial(self._stack.truth.find, query))
            records = await self._kept(page.items)
            if not await layer.call("load", methodcaller("load", token, records)):
                return
            after = page.next
            if after is None:
                await layer.call("load", lambda cache: cache.finish_load(token))
                return

    async def _kept(self, shown: Sequence[Any]) -> list[R]:
        """What a list showed, in the form that `save` takes."""
        if self._shown_key is None:
            return list(shown)
        loaded = await self._reading.from_truth([self._shown_key(one) for one in shown])
        return list(loaded.values())
