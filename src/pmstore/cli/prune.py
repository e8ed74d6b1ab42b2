"""`pmstore prune`: delete old trades and old orders that ended."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from pmstore import queries
from pmstore.cli import filters
from pmstore.cli.examples import examples
from pmstore.cli.exits import failures_as_exits
from pmstore.cli.output import Json, print_record
from pmstore.cli.places import EnvFile, Place, UrlArgument, find_place
from pmstore.cli.reading import refuse_older_or_absent
from pmstore.cli.records import RECORDS, Contract
from pmstore.errors import InvalidQuery, SettingsError
from pmstore.models.order import ACTIVE_STATUSES, OrderStatus
from pmstore.models.query import LIMIT_MAX, OrderQuery, TradeQuery
from pmstore.protocols import OrderStore
from pmstore.registry import find_backend

EXAMPLES = examples(
    "pmstore prune sqlite:///orders.db --before 90d",
    "pmstore prune -c trades postgresql://u:p@db/x --before 2024-01-01T00:00:00Z --dry-run",
)

_ENDED: Final = frozenset(OrderStatus) - ACTIVE_STATUSES


def prune(
    before: Annotated[
        str,
        typer.Option("--before", help="2024-01-31T12:00:00Z, epoch ms, or how long ago: 90d."),
    ],
    url: UrlArgument = None,
    contract: filters.ContractOption = Contract.ORDERS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """
    Delete orders that ended, or trades, from before a time; open orders always stay.

    An order counts by the time at which it was made. Sinks such as audit logs keep all.
    """
    with failures_as_exits(stopped="stopped; what was deleted is gone, run it again to go on"):
        before_ms = filters.moment(before, "--before")
        assert before_ms is not None, "--before is required"
        place = find_place(url, env_file, contract.value)
        count = asyncio.run(_prune(place, contract, before_ms, dry_run))
    record = {
        "contract": contract.value,
        "before_ms": before_ms,
        "found" if dry_run else "deleted": count,
    }
    print_record(record, as_json=as_json)


async def _prune(place: Place, contract: Contract, before_ms: int, dry_run: bool) -> int:
    await refuse_older_or_absent(place)
    match contract:
        case Contract.ORDERS:
            records = RECORDS[contract]
            async with (records.opened_to_read if dry_run else records.opened)(place) as store:
                return await _prune_orders(store, before_ms, dry_run)
        case Contract.TRADES if dry_run:
            query = TradeQuery(end_ms=before_ms, limit=LIMIT_MAX)
            async with RECORDS[contract].opened_to_read(place) as store:
                count = 0
                async for _ in queries.all(store, query):
                    count += 1
                return count
        case Contract.TRADES:
            return await _prune_trades(place, before_ms)
        case _:
            raise InvalidQuery(f"{contract.value} do not get old; only orders and trades do")


async def _prune_orders(store: OrderStore, before_ms: int, dry_run: bool) -> int:
    """Through the store, so that every cache of a stack learns of it."""
    query = OrderQuery(statuses=_ENDED, end_ms=before_ms, limit=LIMIT_MAX)
    count = 0
    some: list[tuple[str, int]] = []
    async for order in queries.all(store, query):
        some.append((order.id, order.version))
        if len(some) == LIMIT_MAX:
            count += len(some) if dry_run else await store.remove(some)
            some = []
    return count + (len(some) if dry_run or not some else await store.remove(some))


async def _prune_trades(place: Place, before_ms: int) -> int:
    """The truth first; trades never change, so that a cache behind it only has too many."""
    counts: list[int] = []
    for layer in reversed(place.stack.layers):
        backend, config = find_backend(layer, pins=place.pins)
        if backend.upkeep is None:
            raise SettingsError([f"{layer}: {backend.name} cannot drop single trades"])
        counts.append(await backend.upkeep.prune_trades(config, before_ms))
    return counts[0]
