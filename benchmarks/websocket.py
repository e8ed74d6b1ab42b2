"""The depth feed: how late a thousand clients of one market hear, beside one that reads nothing."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from typing import Final

import attrs

from benchmarks.http_exchange import HOST, ServedExchange, one_processor_each
from benchmarks.http_load import ask, money, post
from benchmarks.measuring import Advance, Figure, amount
from benchmarks.websocket_clients import STALLED_BUFFER_BYTES, Clients, Heard, shaken
from pmengine.gateways.http.connections import connections_max

CLIENTS: Final = 1_000
CHANGES_PER_S: Final = 50
SECONDS: Final = 20
SECONDS_MIN: Final = 2
"""A run of so many has a part of the clients."""
CLIENTS_PART: Final = 5
P50_MS_MAX: Final = 5.0
P99_MS_MAX: Final = 25.0
QUIET_S_MAX: Final = 60.0
BASELINE_PART: Final = 4
"""The baseline takes one second for so many."""
FAIR: Final = 5_000
AWAY_MAX: Final = 100
_BARE: Final = """
import json, socket, sys, time
count, changes, per_s = map(int, sys.argv[1:])
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(listener.getsockname()[1], flush=True)
clients = []
for _ in range(count):
    client, _ = listener.accept()
    head = b""
    while b"subscribe" not in head:
        head += client.recv(4096)
        if head.endswith(b"\\r\\n\\r\\n"):
            client.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n")
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    clients.append(client)
began = time.monotonic()
for number in range(changes):
    wait_s = began + number / per_s - time.monotonic()
    if wait_s > 0:
        time.sleep(wait_s)
    told = {"type": "delta", "prev_update_id": number, "update_id": number + 1}
    told["timestamp"] = int(time.time() * 1000)
    text = json.dumps({**told, "payload": "x" * 330}, separators=(",", ":")).encode()
    frame = bytes((0x81, 126)) + len(text).to_bytes(2, "big") + text
    for client in clients:
        client.sendall(frame)
sys.stdin.read()
"""
"""The least that a server in Python can do: it sends to one socket after the other."""


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """*count* seconds of changes for all clients, and a part of that by a server that does less."""
    seconds = max(SECONDS_MIN, count)
    connections_max()  # so that this process may have as many files open
    followers = CLIENTS if seconds > SECONDS_MIN else CLIENTS // CLIENTS_PART
    with TemporaryDirectory() as name, one_processor_each() as (processors, _):
        folder = Path(name)
        bare = _by_bare_loop(processors, followers, max(1, seconds // BASELINE_PART))
        advance()
        with ServedExchange(folder, processors) as exchange:
            address = (HOST, exchange.port)
            _open(address)
            clients = Clients(address, followers)
            try:
                _hear_until(clients, lambda: clients.heard.snapshots >= followers)
                usual = _follow(exchange, clients, seconds / 2)
                advance()
                with shaken(address, STALLED_BUFFER_BYTES):
                    beside = _follow(exchange, clients, seconds / 2)
                advance()
            finally:
                clients.close()
    said = (
        f"{followers:,} clients, {CHANGES_PER_S} changes/s for {seconds / 2:g} s, each an order by "
        f"HTTP, from the fact's own millisecond to the client's read; {usual}"
    )
    return [
        *_figures("websocket, fact to client", usual.heard, said, P50_MS_MAX, P99_MS_MAX),
        *_figures(
            "websocket, beside a stalled client",
            beside.heard,
            f"one client more, that reads nothing: {beside}",
            P50_MS_MAX,
            P99_MS_MAX,
        ),
        *_figures(
            "websocket, by a bare loop",
            bare,
            "the same clients, and a program that sends as much to one socket after the other: "
            "what sockets and clients take here",
        ),
    ]


@attrs.frozen
class _Followed:
    """What was heard in a while, and what the exchange used and took for it."""

    heard: Heard
    used_s: float
    grown_bytes: int

    def __str__(self) -> str:
        heard = self.heard
        return (
            f"{heard.deltas:,} messages for {heard.changes:,} changes, none missed, "
            f"{heard.merged:,} merged, {heard.snapshots:,} snapshots instead; the exchange used "
            f"{self.used_s / heard.deltas * 1e6:.1f} us of a processor a message, and grew by "
            f"{self.grown_bytes / 2**20:.1f} MiB"
        )


def _figures(
    name: str,
    heard: Heard,
    detail: str,
    p50_max: float | None = None,
    p99_max: float | None = None,
) -> list[Figure]:
    delays = sorted(heard.delays_ms)
    return [
        amount(
            f"{name}, {shown}", delays[int(part * (len(delays) - 1))], "ms", detail, at_most=most
        )
        for shown, part, most in (("p50", 0.5, p50_max), ("p99", 0.99, p99_max))
    ]


def _open(address: tuple[str, int]) -> None:
    """List the market, and give somebody money."""
    event = {"event_id": 1, "markets": {"1": {"token_ids": ["yes-1", "no-1"]}}}
    deposit = {"id": "cash", "user_id": "maker", "amount": money(10**12)}
    for path, body in (("events", event), ("deposits", deposit)):
        ask(address, [post(f"/api/v1/{path}", "admin", body)], 1).require(200, 201)


def _follow(exchange: ServedExchange, clients: Clients, seconds: float) -> _Followed:
    """Change the market at a steady rate, until all clients have heard of all changes."""
    heard = clients.heard = Heard()
    changes = round(CHANGES_PER_S * seconds)
    held_bytes, used_s = exchange.memory_bytes(), exchange.processor_s()
    began = time.monotonic()
    with socket.create_connection((HOST, exchange.port)) as asking:
        clients.watch(asking.fileno())
        for number in range(changes):
            order = post("/api/v1/orders", "maker", _bid(number))
            while (due_s := began + number / CHANGES_PER_S - time.monotonic()) > 0:
                _hear(clients, asking, due_s)
            asking.sendall(order)
        _hear_until(clients, lambda: heard.changes >= changes * clients.count, asking)
    used_s = exchange.processor_s() - used_s
    return _Followed(heard, used_s, exchange.memory_bytes() - held_bytes)


def _bid(number: int) -> dict[str, object]:
    return {
        "event_id": 1,
        "market_id": 1,
        "token_id": "yes-1",
        "side": "buy",
        "type": "limit",
        "price": f"0.{FAIR - 1 - number % AWAY_MAX}",
        "quantity": "0.01",
    }


def _hear(clients: Clients, asking: socket.socket, wait_s: float) -> None:
    """Let the clients hear, and see that orders are taken."""
    for _ in clients.hear(wait_s):
        if not asking.recv(65_536).startswith(b"HTTP/1.1 201 "):
            raise AssertionError("an order was not taken")


def _hear_until(
    clients: Clients, done: Callable[[], bool], asking: socket.socket | None = None
) -> None:
    deadline = time.monotonic() + QUIET_S_MAX
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError("not all clients were told")
        if asking is None:
            clients.hear(0.1)
        else:
            _hear(clients, asking, 0.1)


def _by_bare_loop(processors: set[int], followers: int, seconds: int) -> Heard:
    """What the same clients hear of the least that could be sent to them."""
    changes = CHANGES_PER_S * seconds
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        process = Popen(
            [sys.executable, "-c", _BARE, str(followers), str(changes), str(CHANGES_PER_S)],
            stdin=PIPE,
            stdout=PIPE,
        )
    finally:
        os.sched_setaffinity(0, usual)
    with process:
        assert process.stdout is not None
        clients = Clients((HOST, int(process.stdout.readline())), followers)
        try:
            _hear_until(clients, lambda: clients.heard.changes >= changes * followers)
        finally:
            clients.close()
            process.kill()
    return clients.heard
