"""The engine with ledger, ids and users, in memory: commands to encoded entries of the log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from benchmarks.measuring import Advance, Figure, Stopwatch, amount, rate
from benchmarks.tapes import USERS, commands_of, make_tape, opening_commands
from pmengine.commands import (
    ORDER_INPUT,
    AddOneEvent,
    Command,
    Deposit,
    NewMarket,
    Resolve,
    Split,
    SubmitOrder,
)
from pmengine.compiled import is_compiled
from pmengine.engine import Engine
from pmstore import PAYOUT, OrderType, Position, Side, Symbol
from pmstore.codec import GENESIS_HASH, encode_batch

COMMANDS_TARGET: Final = 700_000 if is_compiled() else 300_000
ALONE_US_MAX: Final = 50.0
HOLDERS: Final = 1_000_000
STALL_MS_MAX: Final = 5.0
BATCH: Final = 1_000
_START_MS: Final = 1_704_110_400_000


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Commands into entries of the log, facts and hash included."""
    tape = make_tape(count, owners=USERS)
    before, measured = commands_of(tape)
    handling = Stopwatch()
    entry_bytes = 0
    for _ in range(repeats):
        engine = _opened(before)
        with handling.work(count):
            # As in the service, the entry of a batch is gone before the next one.
            entry_bytes = sum(map(len, _entries(engine, measured)))
        advance()
    return [
        rate(
            "engine, ledger and entry",
            handling.runs,
            target=COMMANDS_TARGET,
            unit="commands/s",
            detail=f"{tape.resting} orders rest, {USERS} users, batches of {BATCH}; "
            f"{entry_bytes / count:.0f} bytes a command",
        ),
        _alone(_opened(before), measured),
        _stall(min(HOLDERS, 10 * count)),
    ]


def _alone(engine: Engine, commands: Sequence[Command]) -> Figure:
    """Each command as a batch of its own, its entry hashed: how long the slow ones take."""
    taken: list[int] = []
    now = time.perf_counter_ns
    for number, command in enumerate(commands, start=1):
        began = now()
        facts = engine.handle_batch([command], _START_MS + number)
        encode_batch(number, 1, _START_MS, GENESIS_HASH, {ORDER_INPUT: Position(1, 0)}, facts)
        taken.append(now() - began)
    taken.sort()
    p50, p99, worst = [taken[int(part * (len(taken) - 1))] / 1e3 for part in (0.5, 0.99, 1.0)]
    figure = amount(
        "engine, one command alone, p99", p99, "us", f"p50 {p50:.1f} us, slowest {worst:.0f} us"
    )
    return attrs.evolve(figure, target=ALONE_US_MAX, at_most=True)


def _stall(holders: int) -> Figure:
    """The slowest command on one market while the holders of another one are paid."""
    engine = Engine()
    for market in (1, 2):
        new = NewMarket((f"yes-{market}", f"no-{market}"))
        engine.do(AddOneEvent(event_id=market, markets={1: new}), _START_MS)
    for user in range(holders):
        name = f"holder-{user}"
        engine.do(Deposit(id="d", user_id=name, amount=2 * PAYOUT), _START_MS)
        split = Split(id="s", user_id=name, event_id=1, market_id=1, quantity=1)
        engine.do(split, _START_MS)
        if user % BATCH == 0:
            engine.take_facts()
    engine.take_facts()
    engine.do(Resolve(event_id=1, market_id=1, payouts=(PAYOUT, 0)), _START_MS)
    slowest = number = 0
    while engine.due_ms() <= _START_MS:
        number += 1
        order = SubmitOrder(
            order_id=f"o{number}",
            user_id="holder-1",
            symbol=Symbol(2, 1, "yes-2"),
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            price=1_000,
            quantity=1,
        )
        began = time.perf_counter_ns()
        engine.do(order, _START_MS)
        engine.take_facts()
        slowest = max(slowest, time.perf_counter_ns() - began)
    figure = amount(
        "engine, slowest command while another market pays",
        slowest / 1e6,
        "ms",
        f"{holders} users hold what was resolved; {number} commands meanwhile",
    )
    return attrs.evolve(figure, target=STALL_MS_MAX, at_most=True)


def _opened(before: Sequence[Command]) -> Engine:
    engine = Engine()
    for _ in _entries(engine, [*opening_commands(), *before], _START_MS):
        pass
    return engine


def _entries(
    engine: Engine, commands: Sequence[Command], time_ms: int = _START_MS + 1_000
) -> Iterator[bytes]:
    """The log's entries of *commands*, a batch each millisecond."""
    prev_hash = GENESIS_HASH
    for number, start in enumerate(range(0, len(commands), BATCH), start=1):
        now_ms = time_ms + number
        facts = engine.handle_batch(commands[start : start + BATCH], now_ms)
        position = {ORDER_INPUT: Position(number, 0)}
        entry, prev_hash = encode_batch(number, 1, now_ms, prev_hash, position, facts)
        yield entry
