"""A state that was dropped is freed, also if the collector was told to leave it alone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from pmengine.services.collector import let_go, spare_the_collector
from pmstore import State


@pytest.fixture(autouse=True)
def collector_as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    gc.unfreeze()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@asynccontextmanager
async def sparing(look_s: float | None = None) -> AsyncIterator[None]:
    task = asyncio.create_task(spare_the_collector(look_s))
    async with asyncio.timeout(30):
        while not gc.get_freeze_count():
            await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Circle:
    """What only the collector frees."""

    def __init__(self) -> None:
        self.itself = self


def turn_over() -> None:
    """Make the collector look, as making many objects does."""
    kept: list[list[None]] = [[] for _ in range(60_000)]
    assert len(kept) == 60_000


async def test_a_dropped_state_is_freed() -> None:
    state = State()
    gc.freeze()
    seen = weakref.ref(state)
    del state
    gc.collect()
    assert seen() is not None, "the collector passes over it"
    let_go()
    assert seen() is None


async def test_what_survived_a_collection_is_not_looked_at_again() -> None:
    async with sparing():
        kept = Circle()
        turn_over()
        seen = weakref.ref(kept)
        del kept
        gc.collect()
        assert seen() is not None


async def test_what_was_dropped_before_a_collection_is_freed_by_it() -> None:
    async with sparing():
        for _ in range(3):
            seen = weakref.ref(Circle())
            turn_over()
            assert seen() is None


async def test_where_connections_are_what_was_dropped_late_is_freed_in_the_end() -> None:
    async with sparing(0.001), asyncio.timeout(30):
        kept = Circle()
        turn_over()
        seen = weakref.ref(kept)
        del kept
        while seen() is not None:
            turn_over()
            await asyncio.sleep(0.001)


async def test_the_collector_is_left_as_it_was() -> None:
    before = list(gc.callbacks)
    async with sparing():
        assert gc.callbacks != before
    assert gc.callbacks == before
