"""`pmstore export`: records into a file, streaming, whatever their number."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from pmstore.cli import filters
from pmstore.cli.examples import examples
from pmstore.cli.exits import failures_as_exits, say
from pmstore.cli.formats import Format, open_writer
from pmstore.cli.output import Json, print_record
from pmstore.cli.output_file import whole_file
from pmstore.cli.places import EnvFile, Place, UrlArgument, find_place
from pmstore.cli.progress import progress_bar
from pmstore.cli.records import RECORDS, Contract, Records
from pmstore.cli.totals import total_of
from pmstore.models.query import LIMIT_MAX

EXAMPLES = examples(
    "pmstore export sqlite:///orders.db --format parquet --output orders.parquet",
    "pmstore export -c trades file:trades.log -f csv -o day.csv --start 24h",
    "pmstore export -c accounts --env-file .env -f ndjson -o balances.ndjson",
)


def export(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file; one that is there is replaced.")
    ],
    format: Annotated[Format, typer.Option("--format", "-f", help="What to write.")],
    url: UrlArgument = None,
    contract: filters.ContractOption = Contract.ORDERS,
    user: filters.User = None,
    event: filters.EventId = None,
    market: filters.MarketId = None,
    token: filters.TokenId = None,
    asset: filters.Asset = None,
    start: filters.Start = None,
    end: filters.End = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Write orders, trades, balances or events into a file, in the order of `pmstore find`."""
    with failures_as_exits(stopped=f"stopped; nothing was left at {output}"):
        query = filters.query_of(
            contract,
            {
                "user_id": user,
                "event_id": event,
                "market_id": market,
                "token_id": token,
                "asset": asset,
                "start_ms": filters.moment(start, "--start"),
                "end_ms": filters.moment(end, "--end"),
            },
        )
        place = find_place(url, env_file, contract.value)
        count = asyncio.run(_write(place, RECORDS[contract], query, format, output))
    if not output.is_file():
        # A pipe, perhaps the standard output itself: nothing may follow the records there.
        say(f"{count} records")
        return
    record = {
        "records": count,
        "format": format.value,
        "output": str(output),
        "bytes": output.stat().st_size,
    }
    print_record(record, as_json=as_json)


async def _write(place: Place, records: Records, query: Any, format: Format, output: Path) -> int:
    count = 0
    whole = query == records.query()
    async with records.opened_to_read(place) as store:
        total = await total_of(place, records.contract) if whole else None
        with (
            whole_file(output) as file,
            progress_bar(f"export {records.contract.value}", total) as advance,
        ):
            writer = open_writer(format, records, file)
            some: list[Any] = []
            async for one in records.all(store, query):
                some.append(one)
                if len(some) == LIMIT_MAX:
                    writer.write(some)
                    count += len(some)
                    advance(len(some))
                    some = []
            writer.write(some)
            count += len(some)
            writer.close()
    return count
