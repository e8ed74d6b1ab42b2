"""The screen of the demonstration: progress, a live ladder of each market, and the tape."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from pmengine.exchange import Exchange
from pmengine.facts import Refusal
from pmengine.market_deltas import MarketDelta
from pmengine.services.depth import Depth, DepthFeed
from pmengine.services.recovery import Recovered
from pmstore import PRICE_DECIMALS, QUANTITY_DECIMALS, MarketKey, Trade
from pmstore.codec import first_token_price
from pmstore.decimals import format_decimal

LEVELS = 6
TAPE_ROWS = 16
FRAMES_PER_S = 8
_BAR_WIDTH = 14
_PLAIN_LINE_EVERY = 1_000


class Screen:
    """
    Shows a feed of *goal* commands while it is entered.

    On a terminal it is drawn anew a few times a second; elsewhere it prints a line now and
    then.
    """

    def __init__(
        self,
        console: Console,
        url: str,
        feed: DepthFeed,
        markets: Sequence[MarketKey],
        *,
        goal: int,
        recovered: Recovered,
    ) -> None:
        self.done = 0
        self._console = console
        self._url = url
        self._feed = feed
        self._markets = markets
        self._tape: deque[tuple[MarketKey, Trade]] = deque(maxlen=TAPE_ROWS)
        self._note = ""
        self._recovered = recovered
        self._progress = Progress(
            TextColumn("sample"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._progress.add_task("sample", total=goal)
        self._live = Live(self._draw(), console=console, auto_refresh=False, transient=False)
        self._drawing: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        for key in self._markets:
            self._feed.listen(key, self._heard)
        if self._console.is_terminal:
            self._live.start()
            self._drawing = asyncio.create_task(self._draw_on())
        else:
            for line in self._heading():
                self._console.print(line)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for key in self._markets:
            self._feed.unlisten(key, self._heard)
        if self._drawing is not None:
            self._drawing.cancel()
            self._live.update(self._draw(), refresh=True)
            self._live.stop()
        else:
            self._console.print(self._draw())

    def advance(self, commands: int) -> None:
        """So many more commands were answered."""
        before = self.done
        self.done += commands
        self._progress.update(self._task, completed=self.done)
        plain = not self._console.is_terminal
        if plain and before // _PLAIN_LINE_EVERY != self.done // _PLAIN_LINE_EVERY:
            self._console.print(f"  {self.done} commands of the sample answered")

    def note(self, text: str) -> None:
        """Say *text* under the picture."""
        self._note = text
        if not self._console.is_terminal:
            self._console.print(text)

    async def _draw_on(self) -> None:
        while True:
            self._live.update(self._draw(), refresh=True)
            await asyncio.sleep(1 / FRAMES_PER_S)

    def _heard(self, delta: MarketDelta) -> None:
        for trade in delta.trades:
            self._tape.appendleft(((delta.event_id, delta.market_id), trade))

    def _heading(self) -> Iterator[str]:
        yield f"[bold]pmengine[/bold] takes orders at {self._url}/api/v1"
        if self._recovered.place.number:
            yield (
                f"continuing: {len(self._recovered.state.orders)} resting orders from "
                f"{_source(self._recovered)} and {self._recovered.folded} "
                "entries of the log after it"
            )

    def _draw(self) -> RenderableType:
        ladders = [
            Panel(_ladder(self._feed.depth(key)), title=f"market {key[1]}", width=46)
            for key in self._markets
        ]
        parts: list[RenderableType] = [
            *[Text.from_markup(line) for line in self._heading()],
            self._progress.get_renderable(),
            Columns([*ladders, Panel(self._tape_table(), title="tape", width=52)]),
        ]
        if self._note:
            parts.append(Text(self._note))
        return Group(*parts)

    def _tape_table(self) -> Table:
        table = Table(box=None, padding=(0, 1))
        for column in ("time", "market", "match", "price", "shares"):
            table.add_column(column, justify="right" if column in ("price", "shares") else "left")
        for key, trade in self._tape:
            moment = datetime.fromtimestamp(trade.timestamp / 1000, UTC)
            table.add_row(
                f"{moment:%H:%M:%S}",
                str(key[1]),
                trade.match_type.value,
                Text(
                    _fixed(first_token_price(trade), PRICE_DECIMALS),
                    style="green" if trade.taker_is_bid else "red",
                ),
                _fixed(trade.quantity, QUANTITY_DECIMALS),
            )
        return table


def _source(recovered: Recovered) -> str:
    if recovered.snapshot is None:
        return "the log alone"
    return f"the snapshot at number {recovered.snapshot}"


def closing_lines(
    exchange: Exchange, outcomes: Counter[str], first: int, done: int
) -> Iterator[str]:
    """What a run did, for after the picture."""
    engine = exchange.engine.engine
    answered = ", ".join(f"{count} {_said(outcome)}" for outcome, count in outcomes.most_common())
    yield f"Fed commands {first}..{first + done - 1} of the sample: {answered or 'none'}."
    yield (
        f"{engine.open_orders()} orders rest; the log is at entry {exchange.engine.place.number}. "
        "Run it again and it continues from here."
    )


def _said(outcome: str) -> str:
    if outcome == Refusal.UNKNOWN_ORDER.name:
        return "cancels of orders that had ended already"
    return outcome


def _ladder(depth: Depth) -> Table:
    """Asks above bids, in terms of the first token, with bars as long as the level is large."""
    table = Table(box=None, padding=(0, 1))
    table.add_column("price", justify="right")
    table.add_column("shares", justify="right")
    table.add_column("", width=_BAR_WIDTH)
    asks = depth.best_asks(LEVELS)
    bids = depth.best_bids(LEVELS)
    largest = max([lots for _, lots in (*asks, *bids)], default=1)
    for _ in range(LEVELS - len(asks)):
        table.add_row("", "", "")
    for price, lots in reversed(asks):
        table.add_row(*_row(price, lots, largest, "red"))
    last = _fixed(depth.last_price, PRICE_DECIMALS) if depth.last_price else "-"
    table.add_row(Text(last, style="bold"), Text("last trade", style="dim"), "")
    for price, lots in bids:
        table.add_row(*_row(price, lots, largest, "green"))
    for _ in range(LEVELS - len(bids)):
        table.add_row("", "", "")
    return table


def _row(price: int, lots: int, largest: int, style: str) -> tuple[Text, Text, Text]:
    bar = "█" * max(1, round(_BAR_WIDTH * lots / largest))
    return (
        Text(_fixed(price, PRICE_DECIMALS), style=style),
        Text(_fixed(lots, QUANTITY_DECIMALS)),
        Text(bar, style=style),
    )


def _fixed(value: int, decimals: int) -> str:
    """*value* with all its decimals, so that a column lines up."""
    whole, _, fraction = format_decimal(value, decimals).partition(".")
    return f"{whole}.{fraction:0<{decimals}}"
