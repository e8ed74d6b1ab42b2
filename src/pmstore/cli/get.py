"""`pmstore get`: single records by their ids."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits, say
from pmstore.cli.filters import ContractOption, event_ids
from pmstore.cli.output import JsonLines, print_record
from pmstore.cli.places import EnvFile, Place, UrlArgument, find_place
from pmstore.cli.records import RECORDS, Contract
from pmstore.cli.rows import shown
from pmstore.errors import InvalidQuery

EXAMPLES = examples(
    "pmstore get sqlite:///orders.db order_1 order_2",
    "pmstore get -c accounts URL user_1:cash",
    "pmstore get --env-file .env order_1 --json",
)


def get(
    url: UrlArgument = None,
    ids: Annotated[
        list[str] | None,
        typer.Argument(help="Ids of orders or events; balances as USER:ASSET.", show_default=False),
    ] = None,
    contract: ContractOption = Contract.ORDERS,
    env_file: EnvFile = None,
    as_json: JsonLines = False,
) -> None:
    """Show orders, balances or events by their ids; exit code 5 if one is not there."""
    words = list(ids or [])
    if env_file is not None and url is not None:
        words = [url, *words]
        url = None
    if not words:
        raise typer.BadParameter("give at least one id")
    with failures_as_exits():
        place = find_place(url, env_file, contract.value)
        missing = asyncio.run(_show(place, contract, words, as_json))
    for word in missing:
        say(f"{word} is not there")
    if missing:
        raise typer.Exit(Exit.ABSENT)


async def _show(place: Place, contract: Contract, words: list[str], as_json: bool) -> list[str]:
    records = RECORDS[contract]
    keys = _keys(contract, words)
    async with records.opened_to_read(place) as store:
        found = await store.get(keys)
    first = True
    for key in keys:
        if key not in found:
            continue
        if as_json:
            print(records.encode(found[key]).decode())
        else:
            if not first:
                print()
            print_record(shown(records.row(found[key]), records.all_columns), as_json=False)
            first = False
    return [word for word, key in zip(words, keys, strict=True) if key not in found]


def _keys(contract: Contract, words: list[str]) -> list[Any]:
    match contract:
        case Contract.ORDERS:
            return words
        case Contract.EVENTS:
            return event_ids(words)
        case Contract.ACCOUNTS:
            wrong = [word for word in words if ":" not in word]
            if wrong:
                raise InvalidQuery(f"{wrong[0]!r} is no balance; write USER:ASSET, as user_1:cash")
            return [tuple(word.rsplit(":", 1)) for word in words]
        case Contract.TRADES:
            raise InvalidQuery(
                "trades are not kept by id; pmstore find -c trades shows those of an --order, "
                "a --user or a time"
            )
