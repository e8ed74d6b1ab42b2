"""The shared cache does what the cache in memory does, whatever the order of calls."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmstore.backends.memory.cache import MemoryCache
from pmstore.backends.memory.trade_window import MemoryTradeWindow
from pmstore.backends.redis import RedisCache, RedisTradeWindow
from pmstore.backends.redis.cache import STORED_ORDERS
from pmstore.models.query import TradeQuery
from pmstore.storage.kinds import ORDERS
from pmstore.testing.samples import START_MS, order, trade
from pmstore.testing.servers import RedisServer
from tests.redis.places import here

IDS = st.lists(st.integers(0, 3), max_size=4, unique=True)
VERSIONS = st.integers(1, 5)
TURNS = st.integers(0, 5)

CALLS = st.one_of(
    st.tuples(st.just("lookup"), IDS),
    st.tuples(st.just("lease"), IDS),
    st.tuples(st.just("put"), TURNS, st.dictionaries(st.integers(0, 3), VERSIONS), IDS),
    st.tuples(st.just("floor"), st.dictionaries(st.integers(0, 3), VERSIONS)),
    st.tuples(st.just("clear")),
)


async def answer(cache: Any, tokens: list[str], call: tuple[Any, ...]) -> object:
    """What a cache answers, without its tokens, which are its own."""
    match call:
        case "lookup", ids:
            found, token = await cache.lookup([f"order_{id}" for id in ids])
            tokens.append(token)
            return found, bool(token)
        case "lease", ids:
            tokens.append(await cache.lease([f"order_{id}" for id in ids]))
            return None
        case "put", back, records, absent:
            token = tokens[-1 - back] if back < len(tokens) else "none"
            kept = [order(id, version=version) for id, version in records.items()]
            gone = [f"order_{id}" for id in absent if id not in records]
            return await cache.put(token or "none", kept, absent=gone)
        case "floor", floors:
            return await cache.floor([(f"order_{id}", least) for id, least in floors.items()])
        case _:
            return await cache.clear()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CALLS, max_size=25))
def test_both_caches_answer_the_same(redis_server: RedisServer, calls: list[Any]) -> None:
    async def compare() -> None:
        async with (
            MemoryCache(ORDERS, max_records=None) as memory,
            RedisCache(STORED_ORDERS, here(redis_server)) as shared,
        ):
            own: tuple[list[str], list[str]] = ([], [])
            for number, call in enumerate(calls):
                wanted = await answer(memory, own[0], call)
                assert await answer(shared, own[1], call) == wanted, (number, call)

    asyncio.run(compare())


TRADES = st.lists(st.integers(0, 12), max_size=4)
QUERIES = st.builds(
    TradeQuery,
    limit=st.integers(1, 6),
    user_id=st.sampled_from([None, "user_1"]),
    start_ms=st.sampled_from([None, START_MS + 2]),
    end_ms=st.sampled_from([None, START_MS + 5]),
)
BELOW = st.none() | st.integers(0, 12).map(lambda number: (START_MS + number // 2, number))
STEPS = st.one_of(
    st.tuples(st.just("lease")),
    st.tuples(st.just("put"), TURNS, TRADES),
    st.tuples(st.just("complete"), TURNS, BELOW),
    st.tuples(st.just("find"), QUERIES, BELOW),
    st.tuples(st.just("clear")),
)


async def step(window: Any, tokens: list[str], call: tuple[Any, ...]) -> object:
    """What a window answers; of a page's cursor only whether there is one."""
    match call:
        case ("lease",):
            tokens.append(await window.lease())
            return None
        case "put", back, numbers:
            token = tokens[-1 - back] if back < len(tokens) else "none"
            return await window.put(
                token, [trade(number, timestamp=START_MS + number // 2) for number in numbers]
            )
        case "complete", back, since:
            return await window.complete(tokens[-1 - back] if back < len(tokens) else "-", since)
        case "find", query, below:
            page = await window.find(query, below=below)
            return None if page is None else (page.items, page.next is None)
        case _:
            return await window.clear()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=30))
def test_both_windows_answer_the_same(redis_server: RedisServer, calls: list[Any]) -> None:
    async def compare() -> None:
        async with (
            MemoryTradeWindow(5) as memory,
            RedisTradeWindow(here(redis_server, recent=5)) as shared,
        ):
            own: tuple[list[str], list[str]] = ([], [])
            for number, call in enumerate(calls):
                wanted = await step(memory, own[0], call)
                assert await step(shared, own[1], call) == wanted, (number, call)

    asyncio.run(compare())
