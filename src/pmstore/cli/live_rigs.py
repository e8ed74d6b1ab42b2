"""Rigs of the conformance kit for whatever a URL names, in scratch namespaces."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from pmstore.cli.scratch_places import ScratchPlaces
from pmstore.errors import SettingsError
from pmstore.registry import (
    find_backend,
    open_account_store,
    open_consumers,
    open_event_store,
    open_lease,
    open_ledger_store,
    open_order_store,
    open_snapshot_store,
    open_stream,
    open_trade_store,
)
from pmstore.testing import (
    Clauses,
    ConsumedStream,
    Rig,
    account_store_clauses,
    consumers_clauses,
    event_store_clauses,
    lease_clauses,
    ledger_store_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    stream_clauses,
    trade_store_clauses,
)
from pmstore.url import Stack, Url

_STREAM: Final = "verified"
_CACHES_LAG_S: Final = 3.0
"""Caches are trusted for a second; a machine under load takes longer to notice."""
_DEADLINE_S: Final = 300.0
_EXAMPLES: Final = 10
"""Random histories of each contract: somebody waits for them."""


def _stream(stack: Stack, **pins: Any) -> Any:
    return open_stream(stack, _STREAM, **pins)


def _consumers(stack: Stack, **pins: Any) -> Any:
    stream = _stream(stack, **pins)
    return ConsumedStream(stream, open_consumers(stack, stream, **pins))


CLAUSES: Final[dict[str, tuple[Clauses[Any], Callable[..., Any]]]] = {
    "orders": (order_store_clauses, open_order_store),
    "trades": (trade_store_clauses, open_trade_store),
    "accounts": (account_store_clauses, open_account_store),
    "events": (event_store_clauses, open_event_store),
    "ledger": (ledger_store_clauses, open_ledger_store),
    "snapshots": (snapshot_store_clauses, open_snapshot_store),
    "stream": (stream_clauses, _stream),
    "lease": (lease_clauses, open_lease),
    "consumers": (consumers_clauses, _consumers),
}
"""Contract name -> its clauses, and what opens it."""


def kept_contracts(stack: Stack, pins: Mapping[str, str] | None) -> list[str]:
    """The contracts that can be opened at *stack*."""
    found: list[str] = []
    for contract, (_, opening) in CLAUSES.items():
        try:
            opening(stack, pins=pins)
        except SettingsError:
            continue
        found.append(contract)
    return found


def live_rig(
    contract: str, stack: Stack, pins: Mapping[str, str] | None, places: ScratchPlaces
) -> Rig[Any]:
    """
    How the kit opens *contract* at scratch places of *stack*, and what is declared of it.

    What the stack's backend says of itself is declared: whether it is durable and shared,
    its coverage, and whether it keeps positions.
    """
    _, opening = CLAUSES[contract]
    truth, _ = find_backend(stack.truth, pins=pins)
    # Made, not opened: it is asked what it says of itself.
    sample = opening(stack, pins=pins)

    def open_at(place: Path) -> Any:
        return opening(places.at(place.name), pins=pins)

    def elsewhere(place: Path) -> tuple[str, ...]:
        return ("pmstore.cli.live_rigs:open_described", _described(contract, places.at(place.name)))

    return Rig(
        open=open_at,
        durable=truth.durable,
        shared=truth.shared,
        coverage=sample.coverage,
        positioned=hasattr(sample, "apply") and hasattr(sample, "position"),
        lag_s=_CACHES_LAG_S if len(stack.layers) > 1 else 0.0,
        elsewhere=elsewhere if truth.durable and pins is None else None,
        deadline_s=_DEADLINE_S,
        examples=_EXAMPLES,
        shrinks=False,
    )


def _described(contract: str, stack: Stack) -> str:
    layers, sinks = (
        [{**attrs.asdict(one, recurse=False), "parameters": dict(one.parameters)} for one in urls]
        for urls in (stack.layers, stack.sinks)
    )
    return json.dumps({"contract": contract, "layers": layers, "sinks": sinks})


def open_described(text: str) -> Any:
    """The store that another process of this run described."""
    told = json.loads(text)
    stack = Stack(
        layers=tuple(Url(**one) for one in told["layers"]),
        sinks=tuple(Url(**one) for one in told["sinks"]),
    )
    _, opening = CLAUSES[told["contract"]]
    return opening(stack)
