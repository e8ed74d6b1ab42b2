"""Stacks of memory layers keep the contract of their truth, also while a cache dies and returns."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from pmstore.backends.memory import (
    MemoryAccountStore,
    MemoryCache,
    MemoryEventStore,
    MemoryOrderStore,
    MemoryTradeStore,
    MemoryTradeWindow,
)
from pmstore.errors import StoreUnavailable
from pmstore.layers import LayerOptions, Placed, layered
from pmstore.storage.kinds import ACCOUNTS, EVENTS, ORDERS
from pmstore.testing import (
    ManualClock,
    Rig,
    account_store_clauses,
    conformance,
    event_store_clauses,
    order_store_clauses,
    trade_store_clauses,
)

QUICK = LayerOptions(relay_every_s=0.005, cache_max_age_s=0.5, breaker_open_s=0.01)


class Flaky:
    """A shared cache that is away for every other few calls, and comes back empty."""

    def __init__(self, cache: Any, period: int) -> None:
        self._cache = cache
        self._turns: Iterator[bool] = itertools.cycle([True] * period + [False] * period)
        self._was_up = True
        self.limits = cache.limits
        self.coverage = cache.coverage

    async def __aenter__(self) -> Flaky:
        await self._cache.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._cache.__aexit__(*error)

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        if verb not in ("lookup", "lease", "put", "floor", "clear", "find", "complete"):
            raise AttributeError(verb)

        async def call(*given: Any, **named: Any) -> Any:
            up = next(self._turns)
            if up and not self._was_up:
                await self._cache.clear()
            self._was_up = up
            if not up:
                raise StoreUnavailable("away")
            return await getattr(self._cache, verb)(*given, **named)

        return call


def shared(cache: Any) -> Placed:
    return Placed(store=cache, name="shared", shared=True)


def private(cache: Any) -> Placed:
    return Placed(store=cache, name="private")


clock = ManualClock()


def orders_of_two(place: Path) -> Any:
    truth = MemoryOrderStore(clock=clock, tombstone_s=60)
    return layered(MemoryCache(ORDERS), truth, options=QUICK)


def orders_of_three(place: Path) -> Any:
    stack = [private(MemoryCache(ORDERS, max_records=3)), shared(MemoryCache(ORDERS))]
    return layered(stack, MemoryOrderStore(), options=QUICK)


def complete_orders(place: Path) -> Any:
    cache = MemoryCache(ORDERS, max_records=None, mirror=MemoryOrderStore)
    stack = [Placed(store=cache, name="private", complete=True)]
    return layered(stack, MemoryOrderStore(), options=QUICK)


def orders_with_sink(place: Path) -> Any:
    return layered(
        MemoryCache(ORDERS), MemoryOrderStore(), sinks=[MemoryOrderStore()], options=QUICK
    )


def flaky(cache: Callable[[], Any], truth: Callable[[], Any], kind: str, period: int) -> Any:
    def opened(place: Path) -> Any:
        stack = [private(cache()), shared(Flaky(cache(), period))]
        return layered(stack, truth(), kind=kind, options=QUICK)

    return opened


class Unnoted:
    """A truth without an outbox."""

    def __init__(self, store: Any) -> None:
        self._store = store

    @property
    def limits(self) -> Any:
        return self._store.limits

    @property
    def coverage(self) -> Any:
        return self._store.coverage

    async def __aenter__(self) -> Unnoted:
        await self._store.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._store.__aexit__(*error)

    def __getattr__(self, name: str) -> Any:
        if name not in ("save", "get", "remove", "find", "append"):
            raise AttributeError(name)
        return getattr(self._store, name)


def unnoted_orders(place: Path) -> Any:
    return layered(MemoryCache(ORDERS), Unnoted(MemoryOrderStore()), options=QUICK)


def unnoted_trades(place: Path) -> Any:
    return layered(MemoryTradeWindow(7), Unnoted(MemoryTradeStore()), kind="trades", options=QUICK)


test_orders_of_two_layers = conformance(
    order_store_clauses, Rig(open=orders_of_two, positioned=True, clock=clock, tombstone_s=60)
)
test_orders_of_three_layers = conformance(
    order_store_clauses, Rig(open=orders_of_three, positioned=True)
)
test_orders_held_whole = conformance(
    order_store_clauses, Rig(open=complete_orders, positioned=True)
)
test_orders_with_a_sink = conformance(
    order_store_clauses, Rig(open=orders_with_sink, positioned=True)
)
test_orders_without_an_outbox = conformance(order_store_clauses, Rig(open=unnoted_orders))
test_orders_while_a_cache_dies_and_returns = conformance(
    order_store_clauses,
    Rig(open=flaky(lambda: MemoryCache(ORDERS), MemoryOrderStore, "orders", 3), positioned=True),
)


def accounts_of_two(place: Path) -> Any:
    return layered(MemoryCache(ACCOUNTS), MemoryAccountStore(), options=QUICK)


def complete_accounts(place: Path) -> Any:
    cache = MemoryCache(ACCOUNTS, max_records=None, mirror=MemoryAccountStore)
    stack = [Placed(store=cache, name="private", complete=True)]
    return layered(stack, MemoryAccountStore(), kind="accounts", options=QUICK)


test_accounts_of_two_layers = conformance(
    account_store_clauses, Rig(open=accounts_of_two, positioned=True)
)
test_accounts_held_whole = conformance(
    account_store_clauses, Rig(open=complete_accounts, positioned=True)
)
test_accounts_while_a_cache_dies_and_returns = conformance(
    account_store_clauses,
    Rig(
        open=flaky(lambda: MemoryCache(ACCOUNTS), MemoryAccountStore, "accounts", 2),
        positioned=True,
    ),
)


def events_of_two(place: Path) -> Any:
    return layered(MemoryCache(EVENTS), MemoryEventStore(), options=QUICK)


test_events_of_two_layers = conformance(event_store_clauses, Rig(open=events_of_two))
test_events_while_a_cache_dies_and_returns = conformance(
    event_store_clauses,
    Rig(open=flaky(lambda: MemoryCache(EVENTS), MemoryEventStore, "events", 2)),
)


def trades_of_two(place: Path) -> Any:
    return layered(MemoryTradeWindow(7), MemoryTradeStore(), options=QUICK)


def trades_of_three(place: Path) -> Any:
    stack = [private(MemoryTradeWindow(7)), shared(MemoryTradeWindow(1500))]
    return layered(stack, MemoryTradeStore(), options=QUICK)


def trades_with_sink(place: Path) -> Any:
    return layered(
        MemoryTradeWindow(50), MemoryTradeStore(), sinks=[MemoryTradeStore()], options=QUICK
    )


test_trades_of_two_layers = conformance(
    trade_store_clauses, Rig(open=trades_of_two, positioned=True)
)
test_trades_of_three_layers = conformance(
    trade_store_clauses, Rig(open=trades_of_three, positioned=True)
)
test_trades_with_a_sink = conformance(
    trade_store_clauses, Rig(open=trades_with_sink, positioned=True)
)
test_trades_without_an_outbox = conformance(trade_store_clauses, Rig(open=unnoted_trades))
test_trades_while_a_window_dies_and_returns = conformance(
    trade_store_clauses,
    Rig(open=flaky(lambda: MemoryTradeWindow(20), MemoryTradeStore, "trades", 3), positioned=True),
)
