"""Whatever step kills a service: each command has one outcome, and all that is kept agrees."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

import pmengine.processes.engine as engine_module
from pmengine.engine import ID_MEMORY_S
from pmengine.projections import PROCESSOR_STREAM
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.recovery import CannotStart, Recovered, recover
from pmstore import START, Position, State
from pmstore.codec import GENESIS_HASH, decode_batch
from tests.layers.schedules.loop import run_at_random
from tests.services.crashes.at_once import HERE
from tests.services.crashes.exchange import Exchange, NoRest
from tests.services.crashes.servers import Chances, Servers

COMMANDS = 60
RUNS = 12
HEEDLESS_RUNS = 200
"""Until one of them goes wrong: most do within a dozen."""
RUNS_OF_SOAK = 1_500
LOST_MAX = 4

KILLS = Chances(unanswered=0.01, killed=0.01)
FREEZES = Chances(unanswered=0.01, killed=0.005, frozen=0.01)
NO_ANSWERS = Chances(unanswered=0.1, killed=0.005)


class Wrong(Exception):
    """What a run left behind is not right."""


@pytest.fixture(autouse=True)
def _spared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is large here, and to collect at every start takes longer than all else."""
    monkeypatch.setattr(engine_module, "let_go", lambda: None)
    yield
    gc.unfreeze()


async def trial(
    seed: int, chances: Chances, *, loses: bool = False, heedless: frozenset[str] = frozenset()
) -> None:
    asyncio.get_running_loop().set_default_executor(HERE)
    async with Servers(chances, seed, heedless) as servers, Exchange(servers) as exchange:
        asking = asyncio.create_task(exchange.ask(0, COMMANDS))
        if loses:
            await _lose_tail(servers, exchange)
        await asking
        await exchange.at_rest()
        log = await servers.stream(STORE_STREAM)
        now_ms = servers.now_ms() + 1
        try:
            found = await recover(
                Log(log), servers.snapshots, id_memory_s=ID_MEMORY_S, now_ms=now_ms
            )
        except CannotStart as error:
            raise Wrong(f"nobody can start from what is kept: {error}") from error
        if loses:
            # Who has read entries of another history stops, and begins anew when it is started.
            exchange.ends = [end for end in exchange.ends if not end.startswith("LogRewritten")]
        _check(exchange, found, [] if loses else log.history)


async def _lose_tail(servers: Servers, exchange: Exchange) -> None:
    """Let the log lose some entries at some moment while commands are answered."""
    answers = servers.chance.randrange(5, COMMANDS)
    while len(exchange.answers) < answers:
        await asyncio.sleep(0.01)
    log = await servers.stream(STORE_STREAM)
    held = await log.read(START, 1_000)
    await log.lose(min(servers.chance.randint(1, LOST_MAX), len(held) - 1))


def _check(exchange: Exchange, found: Recovered, history: list[bytes]) -> None:
    if exchange.differing:
        raise Wrong(f"answered in two ways: {exchange.differing}")
    if exchange.ends:
        raise Wrong(f"a service could not go on: {exchange.ends}")
    lacking = exchange.asked - exchange.answers.keys()
    if lacking:
        raise Wrong(f"never answered: {sorted(lacking)}")
    if history:
        if exchange.told != list(range(1, len(history) + 1)):
            raise Wrong(f"told of {exchange.told}")
        whole = State(id_memory_s=ID_MEMORY_S)
        whole.hash = GENESIS_HASH
        for number, payload in enumerate(history, 1):
            whole.apply_batch(Position(number, 0), decode_batch(payload, f"entry {number}"))
        if whole.digest() != found.state.digest():
            raise Wrong("the log adds up to something else than snapshot and log")


CASES: dict[str, tuple[Chances, bool]] = {
    "kills": (KILLS, False),
    "freezes": (FREEZES, False),
    "no answers": (NO_ANSWERS, False),
    "a lost tail": (KILLS, True),
}


def run(name: str, seed: int) -> None:
    chances, loses = CASES[name]
    try:
        run_at_random(trial(seed, chances, loses=loses), seed)
    except (Wrong, NoRest) as error:
        pytest.fail(f"seed {seed}: {error}")


@pytest.mark.parametrize("name", CASES)
def test_no_crash_loses_or_doubles_anything(name: str) -> None:
    for seed in range(RUNS):
        run(name, seed)


@pytest.mark.parametrize("stream", [STORE_STREAM, PROCESSOR_STREAM])
def test_without_conditional_appends_some_crash_does(stream: str) -> None:
    for seed in range(HEEDLESS_RUNS):
        try:
            run_at_random(trial(seed, FREEZES, heedless=frozenset({stream})), seed)
        except (Wrong, NoRest) as error:
            print(f"seed {seed}: {error}")
            return
    pytest.fail(f"nothing was wrong in {HEEDLESS_RUNS} runs")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", CASES)
def test_no_crash_of_very_many_loses_or_doubles_anything(name: str) -> None:
    for seed in range(RUNS, RUNS_OF_SOAK):
        run(name, seed)
        if not seed % 10:
            # Starts told the collector that all there was is permanent: tasks that ended, too.
            gc.unfreeze()
            gc.collect()
