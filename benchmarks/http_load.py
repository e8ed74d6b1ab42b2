"""Requests that were made before, over keep-alive connections, as cheaply as Python can."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Final

import attrs
import msgspec

from pmengine.commands import SubmitOrder
from pmstore import MONEY_DECIMALS, PRICE_DECIMALS, QUANTITY_DECIMALS, TimeInForce
from pmstore.decimals import format_decimal

ANSWER_S_MAX: Final = 30.0
_BYTES_MAX: Final = 64 * 1024
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "

Request = tuple[int, bytes]
"""A number that the request is known by, and its bytes."""


@attrs.frozen
class Answered:
    """What a load was answered, in the order of the answers."""

    seconds: float
    numbers: list[int]
    statuses: list[int]
    bodies: list[bytes]
    took_s: list[float]

    def require(self, *statuses: int) -> None:
        """See that every answer has one of *statuses*."""
        for status, body in zip(self.statuses, self.bodies, strict=True):
            if status not in statuses:
                raise AssertionError(f"answered {status}: {body.decode()}")


class _Connection:
    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = -1
        self.sent_at = 0.0
        self.received = b""


def ask(address: tuple[str, int], requests: Sequence[bytes], connections: int) -> Answered:
    """
    Send *requests*, each connection its next when it was answered, and wait for all answers.

    Raises:
        RuntimeError: A connection ended, or nothing was answered for `ANSWER_S_MAX`.
    """
    waiting: Iterator[Request] = enumerate(requests)
    polling = select.epoll()
    open_ones = [_Connection(address) for _ in range(min(connections, len(requests)))]
    by_file = {one.socket.fileno(): one for one in open_ones}
    answered = Answered(0.0, [], [], [], [])
    clock = time.perf_counter
    try:
        for file in by_file:
            polling.register(file, select.EPOLLIN)
        began = clock()
        for one in open_ones:
            _send_next(one, waiting, clock())
        left = len(requests)
        while left:
            events = polling.poll(ANSWER_S_MAX)
            if not events:
                raise RuntimeError(f"no answer within {ANSWER_S_MAX:g} s")
            for file, _ in events:
                one = by_file[file]
                received = one.socket.recv(_BYTES_MAX)
                if not received:
                    raise RuntimeError("the server ended a connection")
                received = one.received + received if one.received else received
                body = _body(received)
                if body is None:
                    one.received = received
                    continue
                now = clock()
                answered.numbers.append(one.number)
                answered.statuses.append(int(received[9:12]))
                answered.bodies.append(body)
                answered.took_s.append(now - one.sent_at)
                one.received = b""
                left -= 1
                _send_next(one, waiting, now)
        return attrs.evolve(answered, seconds=clock() - began)
    finally:
        polling.close()
        for one in open_ones:
            one.socket.close()


def _body(received: bytes) -> bytes | None:
    """Of the answer, None if it is not whole."""
    end = received.find(_HEAD_END)
    if end < 0:
        return None
    length = received.index(_LENGTH, 0, end) + len(_LENGTH)
    body = received[end + len(_HEAD_END) :]
    return body if len(body) == int(received[length : received.index(b"\r", length)]) else None


def _send_next(connection: _Connection, waiting: Iterator[Request], now: float) -> None:
    following = next(waiting, None)
    if following is not None:
        connection.number, request = following
        connection.sent_at = now
        # An answered request is gone from the buffer, so the next one always has room.
        connection.socket.sendall(request)


def post(path: str, user_id: str, body: object) -> bytes:
    """A request to do what *body* says, as the user (AUTH=off)."""
    text = msgspec.json.encode(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-User-Id: {user_id}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


def get(path: str, user_id: str = "") -> bytes:
    """A request to see *path*."""
    user = f"X-User-Id: {user_id}\r\n" if user_id else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{user}\r\n".encode()


def place(order: SubmitOrder) -> bytes:
    """The request that asks for *order*."""
    assert order.price is not None
    body = {
        "event_id": order.symbol.event_id,
        "market_id": order.symbol.market_id,
        "token_id": order.symbol.token_id,
        "side": order.side.name.lower(),
        "type": "limit",
        "price": format_decimal(order.price, PRICE_DECIMALS),
        "quantity": format_decimal(order.quantity, QUANTITY_DECIMALS),
        "client_order_id": order.client_order_id,
    }
    if order.time_in_force is not TimeInForce.GTC:
        body["time_in_force"] = order.time_in_force.value
    return post("/api/v1/orders", order.user_id, body)


def money(micros: int) -> str:
    """An amount as the edge takes it."""
    return format_decimal(micros, MONEY_DECIMALS)


def shares(lots: int) -> str:
    """Shares likewise."""
    return format_decimal(lots, QUANTITY_DECIMALS)
