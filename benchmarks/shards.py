"""What one Redis and these processors carry with one engine, and with two that share the events."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import attrs

from benchmarks.deployed import Load, Service, cpu_s
from benchmarks.measuring import Advance, Figure, Run, amount, bare_loop_ns, rate
from pmengine.processes.layout import WHOLE, Layout
from pmstore.testing.servers import RedisServer

SECONDS: Final = 12
"""Of full load, for each number of shards."""
LAYOUTS: Final = (WHOLE, Layout(generation=1, shards=2))


@attrs.frozen
class _Spent:
    """Processor time of an order in microseconds, by who spent it."""

    engine: float
    redis: float
    load: float

    @property
    def total(self) -> float:
        return self.engine + self.redis + self.load


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """
    Orders a second for *count* seconds with each number of shards, and what an order takes.

    Every shard has a tape of its own. Nobody consumes the logs: what shards share is Redis, its
    disk, and the processors, which the load uses too.
    """
    figures: list[Figure] = []
    for layout in LAYOUTS:
        figures += _of(layout, count)
        advance()
    one, two = figures[0], figures[2]
    figures.append(
        amount(
            "shards, two of them to one",
            two.value / one.value,
            "x",
            f"as fast on {_processors()} processors, which engines, Redis and load share",
        )
    )
    return figures


def _of(layout: Layout, seconds: float) -> list[Figure]:
    shards = layout.shards
    with TemporaryDirectory() as name, ExitStack() as closing:
        folder = Path(name)
        options = ("--appendonly", "yes", "--appendfsync", "always")
        server = closing.enter_context(RedisServer(folder / "redis", options=options))
        engines, loads = [], []
        for shard in range(shards):
            part = layout.part(shard)
            which = {"ENGINE_SHARDS": str(shards), "ENGINE_SHARD": str(shard)}
            engines.append(closing.enter_context(Service("engine", folder, server, **which)))
            loads.append(Load(server, f"{part}:" if part else ""))
        for load in loads:
            load.open()
        run, spent = _run(engines, loads, seconds)
    title = f"shards, {shards} engine{'s' if shards > 1 else ''}"
    return [
        rate(
            f"{title}, orders in the logs",
            [run],
            unit="orders/s",
            detail=f"{seconds:.0f} s of full load, Redis with appendfsync always; "
            f"{_processors()} processors",
        ),
        amount(
            f"{title}, processor time of an order",
            spent.total,
            "us",
            f"engine {spent.engine:.1f}, redis {spent.redis:.1f}, load {spent.load:.1f}; with a "
            f"processor of its own an engine makes {1e6 / spent.engine:,.0f} orders/s, and one "
            f"Redis carries {spent.engine / spent.redis:.1f} of them",
        ),
    ]


def _run(engines: list[Service], loads: list[Load], seconds: float) -> tuple[Run, _Spent]:
    pids = [*(engine.pid for engine in engines), loads[0].redis_pid, os.getpid()]
    bare = bare_loop_ns()
    before = [cpu_s(pid) for pid in pids]
    sent = sum(load.sent for load in loads)
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        for load in loads:
            load.send_ahead()
    for load in loads:
        load.wait_until_taken()
    taken_s = time.monotonic() - began
    orders = sum(load.sent for load in loads) - sent
    spent = [(cpu_s(pid) - was) / orders * 1e6 for pid, was in zip(pids, before, strict=True)]
    *by_engines, redis, load_us = spent
    bare = (bare + bare_loop_ns()) / 2
    return Run(orders, taken_s, bare), _Spent(sum(by_engines), redis, load_us)


def _processors() -> int:
    return len(os.sched_getaffinity(0))
