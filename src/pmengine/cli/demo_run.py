"""Feeds the sample flow to a running exchange while a screen shows what becomes of it."""

from __future__ import annotations

import asyncio
from collections import Counter

from rich.console import Console

from pmengine.cli.demo_screen import Screen, closing_lines
from pmengine.cli.serving import serve
from pmengine.commands import AddOneEvent, Command
from pmengine.sample import (
    SAMPLE_COMMANDS,
    SAMPLE_EVENT,
    SAMPLE_MARKETS,
    order_id,
    sample_command,
    sample_markets,
    sample_setup,
)
from pmengine.services.events import EventCreate, EventDesk
from pmengine.services.front import Answer, Front
from pmengine.settings import Settings
from pmstore import SUBMIT_ORDER, State

ANSWER_TIMEOUT_S = 30.0
_CHUNKS_PER_S = 20


async def run_demo(settings: Settings, *, rate: int, exit: bool) -> None:
    """Serve, feed `SAMPLE_COMMANDS` of the flow at *rate* a second, and show it."""
    console = Console()
    async with serve(settings) as served:
        exchange = served.exchange
        outcomes: Counter[str] = Counter()
        first = _first_new(exchange.recovered.state)
        screen = Screen(
            console,
            served.url,
            exchange.depth,
            [(SAMPLE_EVENT, market_id) for market_id in SAMPLE_MARKETS],
            goal=SAMPLE_COMMANDS,
            recovered=exchange.recovered,
        )
        with screen:
            await _give_title(exchange.events, exchange.front)
            feeding = asyncio.create_task(_feed(exchange.front, first, rate, outcomes, screen))
            stopping = asyncio.create_task(served.stopping.wait())
            await asyncio.wait({feeding, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if feeding.done():
                feeding.result()
                if not exit:
                    screen.note("The sample is over; the API goes on. Ctrl-C ends the exchange.")
                    await stopping
            for task in (feeding, stopping):
                task.cancel()
            await asyncio.gather(feeding, stopping, return_exceptions=True)
        if exchange.failed.done():
            exchange.failed.result()
        for line in closing_lines(exchange, outcomes, first, screen.done):
            console.print(line)


async def _give_title(desk: EventDesk, front: Front) -> None:
    """Let people read what the sample is about; without it the event has a number alone."""
    await desk.add_topic("weather", "Weather")
    about = EventCreate(
        event_id=SAMPLE_EVENT,
        title="Will it rain tomorrow?",
        topic="weather",
        description="Made up: traders of the demonstration trade by a formula.",
        markets=sample_markets(),
    )
    await desk.create(about, lambda one: front.send(one, ANSWER_TIMEOUT_S, listing=True))


async def _feed(
    front: Front, first: int, rate: int, outcomes: Counter[str], screen: Screen
) -> None:
    for command in sample_setup():
        await _send(front, command, Counter())
    chunk = max(1, rate // _CHUNKS_PER_S)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for done in range(0, SAMPLE_COMMANDS, chunk):
        indexes = range(first + done, first + min(done + chunk, SAMPLE_COMMANDS))
        commands = [sample_command(index) for index in indexes]
        await asyncio.gather(*[_send(front, command, outcomes) for command in commands])
        screen.advance(len(commands))
        behind_s = started + (done + chunk) / rate - loop.time()
        if behind_s > 0:
            await asyncio.sleep(behind_s)


async def _send(front: Front, command: Command, outcomes: Counter[str]) -> Answer:
    listing = isinstance(command, AddOneEvent)
    answer = await front.send(command, ANSWER_TIMEOUT_S, listing=listing)
    outcomes[answer.answered.outcome] += 1
    return answer


def _first_new(state: State) -> int:
    """Behind the last command of the flow whose order the exchange remembers."""
    prefix = order_id(0).removesuffix("0")
    known = [
        int(id.removeprefix(prefix))
        for _, kind, id in state.memories
        if kind == SUBMIT_ORDER and id.startswith(prefix)
    ]
    return max(known, default=-1) + 1
