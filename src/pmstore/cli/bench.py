"""`pmstore bench`: how fast a stack answers here, beside memory in the same run."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from typing import Annotated, Any

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import failures_as_exits
from pmstore.cli.load import Measurement, load_orders, load_trades
from pmstore.cli.output import Json, print_rows
from pmstore.cli.places import EnvFile, UrlArgument, find_place
from pmstore.cli.progress import progress_bar
from pmstore.errors import SettingsError
from pmstore.registry import find_backend, open_order_store, open_trade_store
from pmstore.url import Stack, Url, parse_stack

EXAMPLES = examples(
    "pmstore bench sqlite:///orders.db",
    "pmstore bench 'memory:// > redis://localhost/0 > postgresql://u:p@db/x' --rounds 10",
    "pmstore bench -c trades file:trades.log --json",
)


def bench(
    url: UrlArgument = None,
    contract: Annotated[
        str, typer.Option("--contract", "-c", help="What to measure: orders or trades.")
    ] = "orders",
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=1000, help="Rounds.")] = 5,
    calls: Annotated[
        int, typer.Option("--calls", min=1, max=10_000, help="Calls of each verb in a round.")
    ] = 100,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """
    Measure each verb of a stack in a scratch namespace, which is deleted afterwards.

    A round goes over the stack and then over memory; one round of each is a warm-up. The
    figures are of the median round; latencies in microseconds.
    """
    if contract not in ("orders", "trades"):
        raise typer.BadParameter("orders or trades", param_hint="--contract")
    with failures_as_exits():
        place = find_place(url, env_file, contract)
        rows = asyncio.run(_measure(place.stack, place.pins, contract, rounds, calls))
    print_rows(rows, as_json=as_json, empty="")


async def _measure(
    stack: Stack, pins: Any, contract: str, rounds: int, calls: int
) -> list[dict[str, Any]]:
    name = f"bench_{secrets.token_hex(4)}"
    scratch = Stack(
        layers=tuple(_scratch(one, pins, name) for one in stack.layers),
        sinks=tuple(_scratch(one, pins, name) for one in stack.sinks),
    )
    opening: Any = open_order_store if contract == "orders" else open_trade_store
    load: Any = load_orders if contract == "orders" else load_trades
    memory = parse_stack("memory://")
    try:
        async with AsyncExitStack() as closing:
            store = await closing.enter_async_context(opening(scratch, pins=pins))
            twin = await closing.enter_async_context(opening(memory))
            ours: list[list[Measurement]] = []
            theirs: list[list[Measurement]] = []
            with progress_bar(f"bench {contract}", rounds + 1) as advance:
                for number in range(rounds + 1):
                    ours.append(await load(store, number, calls))
                    theirs.append(await load(twin, number, calls))
                    advance(1)
    finally:
        for one in (*scratch.layers, *scratch.sinks):
            backend, config = find_backend(one, pins=pins)
            if backend.upkeep is not None:
                await backend.upkeep.wipe(config)
    return [
        _row(verb, [one[index] for one in ours[1:]], [one[index] for one in theirs[1:]])
        for index, verb in enumerate(one.verb for one in ours[0])
    ]


def _scratch(url: Url, pins: Any, name: str) -> Url:
    backend, _ = find_backend(url, pins=pins)
    if backend.scratch is None or backend.upkeep is None:
        raise SettingsError(
            [f"{url}: {backend.name} has no scratch namespace, so it cannot be measured here"]
        )
    return backend.scratch(url, name)


def _row(verb: str, ours: list[Measurement], theirs: list[Measurement]) -> dict[str, Any]:
    middle = sorted(ours, key=lambda one: one.mean_s)[len(ours) // 2]
    memory = sorted(theirs, key=lambda one: one.mean_s)[len(theirs) // 2]
    return {
        "verb": verb,
        "records_per_second": round(middle.records / middle.mean_s / middle.calls),
        "p50_us": round(middle.quantile_s(0.5) * 1e6, 1),
        "p99_us": round(middle.quantile_s(0.99) * 1e6, 1),
        "times_memory": round(middle.mean_s / memory.mean_s, 2),
    }
