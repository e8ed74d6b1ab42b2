"""Puts layers together, and refuses stacks that would not tell the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypedDict, Unpack, overload

import attrs

from pmstore.errors import SettingsError
from pmstore.layers.layer import Layer
from pmstore.layers.meter import Meter
from pmstore.layers.options import LayerOptions, Policy
from pmstore.layers.record_stores import (
    LayeredAccountStore,
    LayeredEventStore,
    LayeredOrderStore,
    layered_accounts,
    layered_events,
    layered_orders,
)
from pmstore.layers.sinks import Sink
from pmstore.layers.stack import Parts
from pmstore.layers.trade_store import LayeredTradeStore, PositionedTradeStore
from pmstore.protocols.account_store import AccountStore
from pmstore.protocols.event_store import EventStore
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.trade_store import TradeStore

ORDER_CACHE: Final = ("lookup", "lease", "put", "floor", "clear")
TRADE_CACHE: Final = ("lease", "put", "complete", "find", "clear")
LOADED: Final = ("begin_load", "load", "finish_load", "find")


@attrs.frozen(kw_only=True)
class Placed:
    """
    A cache or sink, and how it stands in a stack.

    Attributes:
        store: A `Cache` or `TradeWindow`; for a sink a store of the stack's contract.
        name: For messages and metrics, without secrets; distinct in the stack. A sink that
            is written behind the calls keeps its place in the outbox under it.
        policy: Unset, a cache is `best_effort` and a sink `required`.
        shared: Whether other processes use the cache too; ignored for a sink.
        complete: Whether the cache is to hold everything, and to answer lists.
    """

    store: Any
    name: str
    policy: Policy | None = None
    shared: bool = False
    complete: bool = False


class _Extra(TypedDict, total=False):
    sinks: Sequence[Any]
    kind: str | None
    options: LayerOptions | None
    meter: Meter | None
    now_s: Callable[[], float]


@overload
def layered(cache: Any, truth: OrderStore, /, **extra: Unpack[_Extra]) -> LayeredOrderStore: ...
@overload
def layered(cache: Any, truth: TradeStore, /, **extra: Unpack[_Extra]) -> LayeredTradeStore: ...
@overload
def layered(cache: Any, truth: AccountStore, /, **extra: Unpack[_Extra]) -> LayeredAccountStore: ...
@overload
def layered(cache: Any, truth: EventStore, /, **extra: Unpack[_Extra]) -> LayeredEventStore: ...
def layered(
    cache: Any,
    truth: Any,
    /,
    *,
    sinks: Sequence[Any] = (),
    kind: str | None = None,
    options: LayerOptions | None = None,
    meter: Meter | None = None,
    now_s: Callable[[], float] = time.monotonic,
) -> Any:
    """
    A store that answers from *cache* while it may, and from *truth* else.

    Args:
        cache: A cache of this process, a `Placed` one, or several, the fastest first.
        truth: The store that is right; its contract is the answer's.
        sinks: Stores, or `Placed` ones, that are written too and never read.
        kind: `orders`, `accounts`, `events` or `trades`; unset, it is told by the truth's
            verbs, or by the cache's own `kind`.
        options: Times and bounds.
        meter: Who counts; None: nobody.
        now_s: Seconds on a clock that never goes back.

    Raises:
        SettingsError: Everything that is wrong with this stack.
    """
    options = options or LayerOptions()
    given = list(cache) if isinstance(cache, list | tuple) else [cache]
    caches = [_placed(one, f"cache{at}") for at, one in enumerate(given)]
    written = [_placed(one, f"sink{at}") for at, one in enumerate(sinks)]
    kind = kind or _kind_of(truth, caches)
    problems = [*_wrong_truth(truth, caches), *_wrong_caches(kind, caches, truth)]
    problems += [*_wrong_sinks(kind, written, truth), *_twice([*caches, *written], truth)]
    if problems:
        raise SettingsError(problems)
    layers = [
        Layer(
            one.name,
            one.store,
            shared=one.shared,
            policy=one.policy or Policy.BEST_EFFORT,
            complete=one.complete,
            options=options,
            now_s=now_s,
            meter=meter,
        )
        for one in caches
    ]
    behind = [
        Sink(
            one.name,
            one.store,
            policy=one.policy or Policy.REQUIRED,
            options=options,
            now_s=now_s,
            meter=meter,
        )
        for one in written
    ]
    positioned = all(
        hasattr(store, "apply")
        for store in (truth, *(sink.store for sink in behind if sink.policy is not Policy.BEHIND))
    )
    parts: Parts[Any] = Parts(
        layers=layers, truth=truth, sinks=behind, options=options, now_s=now_s, meter=meter
    )
    match kind:
        case "trades":
            return (PositionedTradeStore if positioned else LayeredTradeStore)(parts)
        case "orders":
            return layered_orders(parts, positioned=positioned)
        case "accounts":
            return layered_accounts(parts, positioned=positioned)
        case _:
            return layered_events(parts)


def _placed(given: Any, name: str) -> Placed:
    return given if isinstance(given, Placed) else Placed(store=given, name=name)


def _kind_of(truth: Any, caches: Sequence[Placed]) -> str:
    for one in caches:
        own = getattr(one.store, "kind", None)
        if own is not None:
            return str(own.name)
    if hasattr(truth, "append"):
        return "trades"
    if hasattr(truth, "remove"):
        return "orders"
    raise SettingsError(["say what this stack keeps: kind='accounts' or kind='events'"])


def _wrong_truth(truth: Any, caches: Sequence[Placed]) -> list[str]:
    if _lacking(truth, ORDER_CACHE) == [] or _lacking(truth, TRADE_CACHE) == []:
        return ["the last layer is the truth, and a cache is none: it may forget"]
    if not truth.coverage.is_all:
        return ["the last layer is the truth, and this one keeps only the recent part"]
    return []


def _wrong_caches(kind: str, caches: Sequence[Placed], truth: Any) -> list[str]:
    problems: list[str] = []
    noted = hasattr(truth, "outbox") and hasattr(truth, "channel")
    verbs = TRADE_CACHE if kind == "trades" else ORDER_CACHE
    for above, one in zip([None, *caches], caches, strict=False):
        lacking = _lacking(one.store, verbs)
        if lacking:
            problems.append(
                f"{one.name} cannot stand before a truth: it is no cache of {kind} "
                f"(no {', '.join(lacking)})"
            )
        elif one.complete and _lacking(one.store, LOADED):
            problems.append(f"{one.name} cannot be complete: it cannot be loaded whole")
        elif kind == "trades" and (one.store.coverage.newest or 0) < 2:
            problems.append(f"{one.name} keeps fewer than 2 trades, and so can prove nothing")
        if above is not None and above.shared and not one.shared:
            problems.append(f"{one.name} is this process's own and stands behind a shared cache")
        if one.policy is Policy.BEHIND and not (one.shared and noted):
            problems.append(
                f"{one.name} cannot be behind: that takes a shared cache and a truth with an outbox"
            )
    if caches and kind == "events" and not hasattr(truth, "load"):
        problems.append("events can be cached only before a truth that tells their versions")
    return problems


def _wrong_sinks(kind: str, sinks: Sequence[Placed], truth: Any) -> list[str]:
    problems: list[str] = []
    verbs = {"trades": ["append"], "orders": ["save", "remove"]}.get(kind, ["save"])
    for one in sinks:
        lacking = _lacking(one.store, verbs)
        if lacking:
            problems.append(f"{one.name} is no sink of {kind} (no {', '.join(lacking)})")
        if one.policy is Policy.BEHIND and not hasattr(truth, "outbox"):
            problems.append(f"{one.name} cannot be behind: the truth has no outbox")
    return problems


def _twice(placed: Sequence[Placed], truth: Any) -> list[str]:
    stores = [truth, *(one.store for one in placed)]
    problems = []
    if len({id(store) for store in stores}) != len(stores):
        problems.append("the same store stands twice in the stack")
    if len({one.name for one in placed}) != len(placed):
        problems.append("two layers have the same name")
    return problems


def _lacking(store: Any, verbs: Sequence[str]) -> list[str]:
    return [verb for verb in verbs if not callable(getattr(store, verb, None))]
