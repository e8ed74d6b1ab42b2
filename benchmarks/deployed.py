"""Engine, store service, Redis and the load as processes: what a deployment sustains."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

import redis

from benchmarks.measuring import Advance, Figure, Run, amount, bare_loop_ns, rate
from benchmarks.tapes import USERS, commands_of, make_tape, opening_commands
from pmengine.commands import ORDER_INPUT, encode_command
from pmengine.services.log import STORE_STREAM
from pmengine.settings import Settings
from pmstore import START, Position
from pmstore.settings import settings_of
from pmstore.testing.servers import RedisServer

ORDERS_TARGET: Final = 60_000
SECONDS: Final = 60
"""Of full load; each latency is measured for a sixth of it."""
LAP: Final = 100_000
"""Orders that are made once, and sent again and again under ids of their own."""
ENTRY: Final = 500
"""Orders of an entry of the input, as a busy gateway batches them."""
AHEAD: Final = 40
"""Entries that wait on the input at most under full load."""
PARTS: Final = (0.1, 0.5, 0.9)
START_S_MAX: Final = 60.0
CATCH_UP_S_MAX: Final = 120.0
_PROGRAM: Final = "from pmengine.cli import main; main()"
_FIELD: Final = "order_input_key"
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
_LAP_DIGITS: Final = b"-8000-"
_LAP_NAME: Final = b'"mine-'


_BEGINNING: Final = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return last and {last[1], string.sub(last[2][2], 1, 600)}
"""
"""The id of the log's last entry and what stands before its facts: the rest is large."""
_NUMBER: Final = re.compile(rb'"number":(\d+)')
_CONSUMED: Final = re.compile(rb'"order_input_stream":"(\d+-\d+)"')


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """What is sustained for *count* seconds, what each process takes for it, and the latencies."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        options = ("--appendonly", "yes", "--appendfsync", "always")
        with (
            RedisServer(folder / "redis", options=options) as server,
            Service("engine", folder, server) as engine,
            Service("store", folder, server) as store,
        ):
            load = Load(server)
            load.open()
            advance()
            full = _full_load(load, engine, store, count)
            advance()
            sustained = full[0].value
            latencies: list[Figure] = []
            for part in PARTS:
                latencies += _latency(load, part, part * sustained, count / 6)
                advance()
    return full + latencies


def _full_load(load: Load, engine: Service, store: Service, seconds: float) -> list[Figure]:
    pids = {"engine": engine.pid, "store": store.pid, "redis": load.redis_pid, "load": os.getpid()}
    bare = bare_loop_ns()
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    began, sent = time.monotonic(), load.sent
    while time.monotonic() - began < seconds:
        load.send_ahead()
    load.wait_until_taken()
    taken_s = time.monotonic() - began
    store.wait_for(load.last_number(), CATCH_UP_S_MAX)
    all_s = time.monotonic() - began
    orders = load.sent - sent
    spent = {name: (cpu_s(pid) - before[name]) / orders * 1e6 for name, pid in pids.items()}
    bare = (bare + bare_loop_ns()) / 2
    told = ", ".join(f"{name} {us:.1f}" for name, us in spent.items())
    processors = len(os.sched_getaffinity(0))
    return [
        rate(
            "deployment, orders in the log and folded",
            [Run(orders, all_s, bare)],
            target=ORDERS_TARGET,
            unit="orders/s",
            detail=f"{seconds:.0f} s of full load in entries of {ENTRY}, until the store service "
            f"has folded all; Redis with appendfsync always; {processors} processors",
        ),
        rate(
            "deployment, orders in the log",
            [Run(orders, taken_s, bare)],
            unit="orders/s",
            detail="the same, until the engine has published all",
        ),
        amount(
            "deployment, processor time of an order",
            sum(spent.values()),
            "us",
            f"{told}; with nothing else on {processors} processors that is at most "
            f"{processors / sum(spent.values()) * 1e6:,.0f} orders/s",
        ),
    ]


def _latency(load: Load, part: float, per_s: float, seconds: float) -> list[Figure]:
    """From the submission of an entry to the log's entry with its facts, at a steady rate."""
    taken = sorted(load.paced(per_s, seconds))
    p50, p99 = (taken[int(part_of * (len(taken) - 1))] * 1e3 for part_of in (0.5, 0.99))
    return [
        amount(
            f"deployment, submit to fact at {part:.0%}, p99",
            p99,
            "ms",
            f"p50 {p50:.1f} ms, mean {statistics.mean(taken) * 1e3:.1f} ms at {per_s:,.0f} "
            "orders/s in entries that hold what came in 5 ms",
        )
    ]


class Load:
    """
    Puts entries on the input, and sees in the log how far they were taken.

    Args:
        prefix: What the keys of the streams begin with.
    """

    def __init__(self, server: RedisServer, prefix: str = "") -> None:
        self._redis = redis.Redis(host=server.host, port=server.port)
        self._input, self._log = prefix + ORDER_INPUT, prefix + STORE_STREAM
        self.redis_pid: int = self._redis.info("server")["process_id"]
        self.sent = 0
        self._waiting: list[Position] = []
        self._orders: Iterator[bytes] = iter(())

    def open(self) -> None:
        """List a market, give everybody money and tokens, and let orders rest."""
        before, measured = commands_of(make_tape(LAP, owners=USERS, cancels=False))
        self._orders = _endless([encode_command(one) for one in measured])
        first = [*opening_commands(), *before]
        for start in range(0, len(first), ENTRY):
            self._put(b",".join(map(encode_command, first[start : start + ENTRY])))
        self.wait_until_taken()

    def send_ahead(self) -> None:
        """Fill the input up to `AHEAD` waiting entries, then look how far the engine is."""
        while len(self._waiting) < AHEAD:
            self._put(self._next(ENTRY))
            self.sent += ENTRY
        self._look()

    def wait_until_taken(self) -> None:
        """Until everything that was sent is in the log."""
        while self._waiting:
            self._look()

    def last_number(self) -> int:
        """Of the log's last entry."""
        return self._last()[1]

    def paced(self, per_s: float, seconds: float) -> list[float]:
        """Send *per_s* orders a second in an entry every 5 ms; the seconds that each took."""
        size = max(1, round(per_s * 0.005))
        every_s = size / per_s
        entries = round(seconds / every_s)
        unanswered: deque[float] = deque()
        sent: deque[tuple[Position, float]] = deque()
        taken: list[float] = []
        after, _, reached = self._last()
        # Sent without waiting for the one before: the server syncs its file before it answers.
        sending: Any = self._redis.connection_pool.get_connection()
        began, due = time.monotonic(), 0
        while len(taken) < entries:
            now = time.monotonic()
            if due < entries and now - began >= due * every_s:
                # From when it was due: a late load must not hide that somebody waits.
                unanswered.append(began + due * every_s)
                sending.send_command("XADD", self._input, "*", _FIELD, b"[%b]" % self._next(size))
                due += 1
                continue
            found: Any = self._redis.xread({self._log: after}, count=64, block=1)
            seen = time.monotonic()
            while unanswered and sending.can_read(0):
                id = sending.read_response()
                sent.append((Position.parse(id.decode()), unanswered.popleft()))
            for _, several in found:
                after, fields = several[-1]
                [payload] = fields.values()
                _, reached = _taken(payload[:600])
            while sent and sent[0][0] <= reached:
                taken.append(seen - sent.popleft()[1])
        return taken

    def _put(self, commands: bytes) -> None:
        self._waiting.append(self._add(commands))

    def _add(self, commands: bytes) -> Position:
        id: Any = self._redis.xadd(self._input, {_FIELD: b"[%b]" % commands})
        return Position.parse(id.decode())

    def _look(self) -> None:
        _, _, reached = self._last()
        self._waiting = [one for one in self._waiting if one > reached]
        if self._waiting:
            # Looking costs the server something too, and a full input lasts longer than this.
            time.sleep(0.05)

    def _last(self) -> tuple[bytes, int, Position]:
        found: Any = self._redis.eval(_BEGINNING, 1, self._log)
        return (bytes(found[0]), *_taken(found[1])) if found else (b"0-0", 0, START)

    def _next(self, count: int) -> bytes:
        return b",".join([next(self._orders) for _ in range(count)])


def _endless(orders: list[bytes]) -> Iterator[bytes]:
    """*orders* again and again, each lap under ids of its own."""
    lap = 0
    while True:
        digits, name = b"-%04x-" % (0x8000 + lap), b'"lap-%d-' % lap
        for order in orders:
            yield order.replace(_LAP_DIGITS, digits, 1).replace(_LAP_NAME, name, 1)
        lap += 1


def _taken(beginning: bytes) -> tuple[int, Position]:
    """The number of an entry of the log, and how far the orders' input is consumed with it."""
    number, consumed = _NUMBER.search(beginning), _CONSUMED.search(beginning)
    assert number is not None
    return int(number[1]), Position.parse(consumed[1].decode()) if consumed else START


def cpu_s(pid: int) -> float:
    """The processor time that a process has had, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


class Service:
    """`pmengine run NAME` on one Redis, with further settings; leaving stops it."""

    def __init__(self, name: str, folder: Path, server: RedisServer, **more: str) -> None:
        self._name = name
        self._folder = folder
        self._log = folder / "-".join([name, *more.values(), "log.txt"])
        ours = {one.name for one in settings_of(Settings)}
        self._environ = {key: value for key, value in os.environ.items() if key not in ours} | {
            "REDIS_ENABLED": "true",
            "REDIS_HOST": server.host,
            "REDIS_PORT": str(server.port),
            "SERVICE_PORT": "0",
            **more,
        }

    def __enter__(self) -> Self:
        self._said = self._log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, "run", self._name],
            cwd=self._folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        [self._ready] = [word for word in words if word.startswith("http://")]
        deadline = time.monotonic() + START_S_MAX
        while not self._told()["ready"]:
            self._wait_until(deadline)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdout is not None
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        self._said.close()

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    def wait_for(self, number: int, seconds: float) -> None:
        """Until it is at entry *number* of the log."""
        deadline = time.monotonic() + seconds
        while (self._told()["number"] or 0) < number:
            self._wait_until(deadline)

    def _told(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(self._ready, timeout=START_S_MAX) as answer:
                text = answer.read()
        except urllib.error.HTTPError as answer:  # 503: not ready
            text = answer.read()
        [told] = json.loads(text)["services"]
        return dict(told)

    def _wait_until(self, deadline: float) -> None:
        if time.monotonic() > deadline or self._process.poll() is not None:
            said = self._log.read_text()[-2000:]
            raise RuntimeError(f"{self._name} does not get there:\n{said}")
        time.sleep(0.05)  # before the process is asked again
