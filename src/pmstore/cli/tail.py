"""`pmstore tail`: the entries of a stream, or the trades, as they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Final

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import failures_as_exits
from pmstore.cli.output import JsonLines
from pmstore.cli.places import EnvFile, Place, UrlArgument, find_place
from pmstore.cli.records import RECORDS, Contract
from pmstore.cli.rows import TRADE_COLUMNS, shown
from pmstore.models.position import START, Entry
from pmstore.models.query import LIMIT_MAX, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols import TradeStore
from pmstore.registry import open_stream

EXAMPLES = examples(
    "pmstore tail file:data/streams store_stream",
    "pmstore tail redis://localhost/0 order_input_stream --from-start --json",
    "pmstore tail --env-file .env trades",
)

TRADES: Final = "trades"
_READ_MAX: Final = 500
_WAIT_S: Final = 1.0
_BEFORE_ALL: Final = (-1, -1)


def tail(
    url: UrlArgument = None,
    stream: Annotated[
        str | None,
        typer.Argument(help="Name of the stream, or the word trades.", show_default=False),
    ] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Show what is there already, too.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="End after so many.", show_default=False)
    ] = None,
    env_file: EnvFile = None,
    as_json: JsonLines = False,
) -> None:
    """Follow a stream, or the trades, until Ctrl-C."""
    if env_file is not None and stream is None:
        url, stream = None, url
    if stream is None:
        raise typer.BadParameter("give the name of a stream, or the word trades")
    with failures_as_exits(), suppress(KeyboardInterrupt):
        contract = Contract.TRADES.value if stream == TRADES else "stream"
        place = find_place(url, env_file, contract)
        follow = _trades if stream == TRADES else _entries
        asyncio.run(follow(place, stream, from_start, count, as_json))


async def _entries(
    place: Place, name: str, from_start: bool, count: int | None, as_json: bool
) -> None:
    async with open_stream(place.stack, name, read_only=True, pins=place.pins) as stream:
        bounds = None if from_start else await stream.bounds()
        after = START if bounds is None else bounds.last.id
        left = count
        while left is None or left > 0:
            entries = await stream.read(after, _READ_MAX if left is None else left, _WAIT_S)
            for entry in entries:
                print(_entry_line(entry, as_json), flush=True)
                after = entry.id
            left = None if left is None else left - len(entries)


def _entry_line(entry: Entry, as_json: bool) -> str:
    text = entry.payload.decode("utf-8", "backslashreplace")
    if not as_json:
        return f"{entry.id}  {text}"
    try:
        payload: object = json.loads(entry.payload)
    except ValueError:
        payload = text
    return json.dumps({"id": str(entry.id), "payload": payload}, ensure_ascii=False)


async def _trades(
    place: Place, name: str, from_start: bool, count: int | None, as_json: bool
) -> None:
    records = RECORDS[Contract.TRADES]

    def line(trade: Trade) -> str:
        if as_json:
            return records.encode(trade).decode()
        return "  ".join(shown(records.row(trade), TRADE_COLUMNS).values())

    async with records.opened_to_read(place) as store:
        await follow_trades(
            store, line, from_start=from_start, count=count, pause=lambda: asyncio.sleep(_WAIT_S)
        )


async def follow_trades(
    store: TradeStore,
    line: Callable[[Trade], str],
    *,
    from_start: bool,
    count: int | None,
    pause: Callable[[], Awaitable[None]],
) -> None:
    """
    Print new trades, oldest first, until *count* of them were printed.

    A trade is new if it stands after the last one by (`timestamp`, `trade_id`). With
    *from_start* at most the newest `LIMIT_MAX` that are there already come first.
    """
    last: tuple[int, int] | None = _BEFORE_ALL if from_start else None
    left = count
    while left is None or left > 0:
        new = await _newer(store, last)
        if last is None:
            last = (new[-1].timestamp, new[-1].trade_id) if new else _BEFORE_ALL
            continue
        for trade in new if left is None else new[:left]:
            print(line(trade), flush=True)
            last = (trade.timestamp, trade.trade_id)
        left = None if left is None else left - len(new)
        if not new:
            await pause()


async def _newer(store: TradeStore, last: tuple[int, int] | None) -> list[Trade]:
    """What came after *last*, oldest first; the newest trade alone without one."""
    if last is None:
        return list((await store.find(TradeQuery(limit=1))).items)
    query = TradeQuery(start_ms=max(0, last[0]), limit=LIMIT_MAX)
    found: list[Trade] = []
    while True:
        page = await store.find(query)
        new = [one for one in page.items if (one.timestamp, one.trade_id) > last]
        found += new
        if page.next is None or len(new) < len(page.items) or last == _BEFORE_ALL:
            return found[::-1]
        query = TradeQuery(start_ms=query.start_ms, limit=LIMIT_MAX, after=page.next)
