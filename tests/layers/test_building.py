"""A stack that would not tell the truth is refused when it is made."""

from __future__ import annotations

from typing import Any

import pytest

import pmstore
from pmstore.backends.memory import (
    MemoryAccountStore,
    MemoryCache,
    MemoryOrderStore,
    MemoryTradeStore,
    MemoryTradeWindow,
)
from pmstore.errors import SettingsError
from pmstore.layers import LayerOptions, Placed, Policy, layered
from pmstore.storage.kinds import ORDERS
from tests.conformance.test_layered import Unnoted


def cache(**placed: Any) -> Placed:
    return Placed(store=MemoryCache(ORDERS), **{"name": "cache", **placed})


same = MemoryOrderStore()

REFUSED: list[tuple[str, Any, Any, list[Any], str]] = [
    ("a truth that forgets", cache(), MemoryOrderStore(max_orders=3), [], "only the recent part"),
    ("a cache as the truth", cache(), MemoryCache(ORDERS), [], "a cache is none: it may forget"),
    ("a store as a cache", MemoryOrderStore(), MemoryOrderStore(), [], "is no cache of orders"),
    ("a store twice", [], same, [same], "the same store stands twice"),
    (
        "a name twice",
        [cache(), cache()],
        MemoryOrderStore(),
        [],
        "two layers have the same name",
    ),
    (
        "an own cache behind a shared one",
        [cache(shared=True), cache(name="own")],
        MemoryOrderStore(),
        [],
        "own is this process's own and stands behind a shared cache",
    ),
    (
        "an own cache that is behind",
        cache(policy=Policy.BEHIND),
        MemoryOrderStore(),
        [],
        "cache cannot be behind",
    ),
    (
        "a sink that is behind a truth without an outbox",
        cache(),
        Unnoted(MemoryOrderStore()),
        [Placed(store=MemoryOrderStore(), name="s", policy=Policy.BEHIND)],
        "s cannot be behind: the truth has no outbox",
    ),
    ("a sink of another kind", cache(), MemoryOrderStore(), [MemoryTradeStore()], "no sink of"),
    ("a window of one", MemoryTradeWindow(1), MemoryTradeStore(), [], "fewer than 2 trades"),
    ("who knows what", [], MemoryAccountStore(), [], "say what this stack keeps"),
]


@pytest.mark.parametrize(
    ("caches", "truth", "sinks", "reason"),
    [one[1:] for one in REFUSED],
    ids=[o[0] for o in REFUSED],
)
def test_a_wrong_stack_is_refused(caches: Any, truth: Any, sinks: Any, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        layered(caches, truth, sinks=sinks)
    assert reason in str(caught.value)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        layered(
            [cache(shared=True), cache()],
            MemoryOrderStore(max_orders=1),
            sinks=[MemoryTradeStore()],
            kind="orders",
        )
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("field", ["cache_max_age_s", "relay_every_s", "call_s", "attempts"])
def test_options_are_more_than_nothing(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} is 0"):
        LayerOptions(**{field: 0})


def test_a_heartbeat_slower_than_the_trust_it_gives_is_refused() -> None:
    with pytest.raises(ValueError, match="relay_every_s is 1"):
        LayerOptions(relay_every_s=1.0)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("memory://?policy=ahead > sqlite:///x.db", "expected one of required, best_effort"),
        ("memory:// > sqlite:///x.db?policy=behind", "the truth has no policy"),
        ("memory:// > memory://", "stands in it twice"),
        ("sqlite:///x.db | sqlite:///x.db", "stands in it twice"),
        ("file:x > sqlite:///x.db", "file cannot be a cache of orders"),
        ("memory:// > sqlite:///x.db | file:x", "file does not keep orders"),
    ],
)
def test_a_wrong_url_is_refused(url: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        pmstore.open_order_store(url)
    assert reason in str(caught.value)
