"""The HTTP API: orders a second with durable answers, on one processor, and what they cost."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.http_exchange import HOST, ServedExchange, one_processor_each
from benchmarks.http_load import Answered, ask, get, money, place, post, shares
from benchmarks.measuring import Advance, Figure, Run, amount, bare_loop_ns, rate
from benchmarks.tapes import CASH, EVENT, PAIRS, USERS, commands_of, make_tape, opening_commands
from pmengine.commands import AddOneEvent, Command, Deposit, Split, SubmitOrder
from pmengine.services.log import STORE_STREAM
from pmstore import START, OrderCreated, OrderQuery, open_stores_to_read, open_stream
from pmstore.codec import decode_batch
from pmstore.queries import all as all_of
from pmstore.settings import StorageSettings

ORDERS_TARGET: Final = 8_000
ORDERS: Final = 60_000
RESTING: Final = 10_000
CONNECTIONS: Final = 64
IDLE_MIN: Final = 2_000
"""Requests of a part of the baseline: fewer are too short for the clock of processes."""


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """*count* orders in *repeats* parts, each beside requests that do nothing."""
    tape = make_tape(count, resting=min(RESTING, count), owners=USERS, cancels=False, settle=False)
    before, measured = commands_of(tape)
    resting, orders = map(_requests, (before, measured))
    part = len(orders) // repeats
    placing: list[Run] = []
    idling: list[Run] = []
    costs: list[float] = []
    idle_costs: list[float] = []
    took_s: list[float] = []
    accepted: list[str] = []
    with TemporaryDirectory() as name, one_processor_each() as (processors, _):
        folder = Path(name)
        with ServedExchange(folder, processors) as exchange:
            address = (HOST, exchange.port)
            for group in _opening():
                ask(address, group, CONNECTIONS).require(200, 201)
            accepted += _accepted(ask(address, resting, CONNECTIONS))
            for start in range(0, part * repeats, part):
                some = orders[start : start + part]
                idle = [get("/health")] * max(part // 2, IDLE_MIN)
                answered = _timed(exchange, address, some, placing, costs)
                accepted += _accepted(answered)
                took_s += answered.took_s
                _timed(exchange, address, idle, idling, idle_costs).require(200)
                advance()
            memory = exchange.memory_bytes()
            exchange.kill()
        kept = asyncio.run(_orders_kept(folder))
    lost = set(accepted) - kept
    if lost:
        raise AssertionError(f"{len(lost)} accepted orders are lost: {min(lost)} …")
    took_s.sort()
    p50, p99 = (took_s[int(at * (len(took_s) - 1))] * 1e3 for at in (0.5, 0.99))
    cost, idle_cost = statistics.median(costs), statistics.median(idle_costs)
    return [
        rate(
            "http, orders",
            placing,
            target=ORDERS_TARGET,
            unit="orders/s",
            detail=f"POST /orders over {CONNECTIONS} connections, answered when durable; half "
            f"rest, half trade; {tape.resting} orders rest; `pmengine up` on one processor, the "
            f"load on another; p50 {p50:.1f} ms, p99 {p99:.1f} ms; killed then, and all of its "
            f"{len(accepted)} accepted orders were in log or store; {memory / 2**20:.0f} MiB",
        ),
        amount(
            "http, processor time of an order",
            cost,
            "us",
            "of the exchange until its stores have the order too, which with nothing else is "
            f"{1e6 / cost:,.0f} orders/s at most",
        ),
        rate(
            "http, requests that do nothing",
            idling,
            unit="requests/s",
            detail="GET /health by the same load on the same connections: what HTTP itself costs",
        ),
        amount("http, processor time of such a request", idle_cost, "us", "of the exchange"),
    ]


def _timed(
    exchange: ServedExchange,
    address: tuple[str, int],
    requests: Sequence[bytes],
    runs: list[Run],
    costs: list[float],
) -> Answered:
    bare, before_s = bare_loop_ns(), exchange.processor_s()
    answered = ask(address, requests, CONNECTIONS)
    # Waits until the stores have it all: that too is what an order costs.
    ask(address, [get("/api/v1/account", "user-1")], 1).require(200)
    costs.append((exchange.processor_s() - before_s) / len(requests) * 1e6)
    runs.append(Run(len(requests), answered.seconds, (bare + bare_loop_ns()) / 2))
    return answered


def _opening() -> list[list[bytes]]:
    """What is asked before orders: a market, then money, then tokens."""
    groups: dict[type[Command], list[bytes]] = {}
    for command in opening_commands():
        groups.setdefault(type(command), []).append(_open(command))
    return list(groups.values())


def _open(command: Command) -> bytes:
    if isinstance(command, AddOneEvent):
        markets = {
            str(number): {"token_ids": market.token_ids}
            for number, market in command.markets.items()
        }
        body = {"event_id": command.event_id, "markets": markets}
        return post("/api/v1/events", "admin", body)
    if isinstance(command, Deposit):
        deposit = {"id": "cash", "user_id": command.user_id, "amount": money(CASH)}
        return post("/api/v1/deposits", "admin", deposit)
    assert isinstance(command, Split)
    split = {"id": "pairs", "event_id": EVENT, "market_id": 1, "amount": shares(PAIRS)}
    return post("/api/v1/splits", command.user_id, split)


def _requests(commands: Sequence[Command]) -> list[bytes]:
    return [place(one) for one in commands if isinstance(one, SubmitOrder)]


def _accepted(answered: Answered) -> list[str]:
    """The ids of the orders, all of which were accepted."""
    answered.require(201)
    return [msgspec.json.decode(body)["order"]["id"] for body in answered.bodies]


async def _orders_kept(folder: Path) -> set[str]:
    """The ids of all orders on disk: those of the log, once each, and of what it let go of."""
    found: list[str] = []
    after = START
    data = folder / "data"
    async with open_stream(f"file:{data}/streams", STORE_STREAM) as log:
        while entries := await log.read(after, 1000):
            after = entries[-1].id
            for entry in entries:
                batch = decode_batch(entry.payload, STORE_STREAM)
                found += [one.order.id for one in batch.changes if isinstance(one, OrderCreated)]
    if len(found) != len(set(found)):
        raise AssertionError("the log has an order twice")
    settings = StorageSettings(data_dir=data)
    async with open_stores_to_read(settings=settings, contracts=("orders",)) as stores:
        assert stores.orders is not None, "asked for"
        stored = {order.id async for order in all_of(stores.orders, OrderQuery(limit=1000))}
    return stored.union(found)
