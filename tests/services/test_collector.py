"""A state that was dropped is freed, also if the collector was told to leave it alone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

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


async def test_a_dropped_state_is_freed() -> None:
    state = State()
    sparing = asyncio.create_task(spare_the_collector(0.001))
    async with asyncio.timeout(30):
        while not gc.get_freeze_count():
            await asyncio.sleep(0)
    seen = weakref.ref(state)
    del state
    gc.collect()
    assert seen() is not None, "the collector passes over it"
    let_go()
    assert seen() is None
    sparing.cancel()
    await asyncio.gather(sparing, return_exceptions=True)
