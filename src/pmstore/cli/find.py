"""`pmstore find`: the records that match filters, by pages or all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from pmstore.cli import filters
from pmstore.cli.examples import examples
from pmstore.cli.exits import failures_as_exits, say
from pmstore.cli.output import JsonLines, print_rows
from pmstore.cli.places import EnvFile, Place, UrlArgument, find_place
from pmstore.cli.records import RECORDS, Contract, Records
from pmstore.cli.rows import shown
from pmstore.models.query import LIMIT_MAX

EXAMPLES = examples(
    "pmstore find sqlite:///orders.db --user user_1 --side buy",
    "pmstore find -c trades file:trades.log --start 24h --all --json",
    "pmstore find -c accounts --env-file .env --user user_1",
)


def find(
    url: UrlArgument = None,
    contract: filters.ContractOption = Contract.ORDERS,
    user: filters.User = None,
    order: filters.OrderId = None,
    side: filters.SideOption = None,
    event: filters.EventId = None,
    market: filters.MarketId = None,
    token: filters.TokenId = None,
    status: filters.Statuses = None,
    id: filters.Ids = None,
    client_order_id: filters.ClientOrderId = None,
    asset: filters.Asset = None,
    start: filters.Start = None,
    end: filters.End = None,
    limit: Annotated[int, typer.Option("--limit", help="Records at most, 1..1000.")] = 100,
    after: Annotated[
        str | None, typer.Option("--after", help="Go on behind the page that said this.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Walk through all pages.")] = False,
    env_file: EnvFile = None,
    as_json: JsonLines = False,
) -> None:
    """Show the orders, trades, balances or events that match; what is unset matches all."""
    with failures_as_exits():
        query = filters.query_of(
            contract,
            {
                "user_id": user,
                "order_id": order,
                "side": side,
                "event_id": event,
                "market_id": market,
                "token_id": token,
                "statuses": status,
                "ids": id,
                "client_order_id": client_order_id,
                "asset": asset,
                "start_ms": filters.moment(start, "--start"),
                "end_ms": filters.moment(end, "--end"),
                "after": after,
                "limit": LIMIT_MAX if every else limit,
            },
        )
        place = find_place(url, env_file, contract.value)
        following = asyncio.run(_show(place, RECORDS[contract], query, every, as_json))
        if following is not None:
            say(f"there is more: --after {following}, or --all")


async def _show(
    place: Place, records: Records, query: Any, every: bool, as_json: bool
) -> str | None:
    """Print a page, or all of them; answers the cursor of the next one."""
    async with records.opened_to_read(place) as store:
        if not every:
            page = await store.find(query)
            _print(records, page.items, as_json, header=True)
            following: str | None = page.next
            return following
        some: list[Any] = []
        header = True
        async for one in records.all(store, query):
            some.append(one)
            if len(some) == LIMIT_MAX:
                _print(records, some, as_json, header=header)
                some, header = [], False
        if some or header:
            _print(records, some, as_json, header=header)
        return None


def _print(records: Records, items: Sequence[Any], as_json: bool, *, header: bool) -> None:
    if as_json:
        for one in items:
            print(records.encode(one).decode())
    else:
        rows = [shown(records.row(one), records.columns) for one in items]
        print_rows(rows, as_json=False, empty="Nothing matches.", header=header)
