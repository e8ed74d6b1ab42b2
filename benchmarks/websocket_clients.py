"""Many WebSocket clients in one loop, that count and time what they are sent and do no more."""

from __future__ import annotations

import select
import socket
import time
from typing import Final

import attrs

BYTES_MAX: Final = 256 * 1024
STALLED_BUFFER_BYTES: Final = 4096
"""What the system takes in for a client that never reads."""
_KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
_SHAKE: Final = (
    "GET /depth HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n\r\n"
).encode()
_DELTA: Final = b'{"type":"delta"'
_SNAPSHOT: Final = b'{"type":"snapshot"'
_PING: Final = 0x89


@attrs.define
class Heard:
    """
    What clients were sent: deltas with how many changes, those that merged some, delays.

    A delay is from the millisecond of the (last) change to when the client read of it.
    """

    deltas: int = 0
    changes: int = 0
    merged: int = 0
    snapshots: int = 0
    delays_ms: list[float] = attrs.Factory(list)


@attrs.define(eq=False)
class _Client:
    socket: socket.socket
    update_id: int = 0
    received: bytes = b""


@attrs.frozen
class _Message:
    """A frame that was read; `update_id` is 0 if it is about no market."""

    is_delta: bool
    prev_update_id: int
    update_id: int
    timestamp_ms: int


class Clients:
    """
    Connections that follow the same market, and files beside them.

    Args:
        address: Of the server.
        count: How many.
    """

    def __init__(self, address: tuple[str, int], count: int) -> None:
        self.count = count
        self.heard = Heard()
        self._polling = select.epoll()
        self._by_file: dict[int, _Client] = {}
        self._buffer = bytearray(BYTES_MAX)
        self._last: tuple[bytes, list[_Message]] = (b"", [])
        for _ in range(count):
            opened = shaken(address)
            opened.setblocking(False)
            self._by_file[opened.fileno()] = _Client(opened)
            self._polling.register(opened.fileno(), select.EPOLLIN)

    def close(self) -> None:
        """End all connections."""
        self._polling.close()
        for client in self._by_file.values():
            client.socket.close()

    def watch(self, file: int) -> None:
        """Give *file* back from `hear` whenever there is something to read."""
        self._polling.register(file, select.EPOLLIN)

    def hear(self, wait_s: float) -> list[int]:
        """Take in what came, waiting for something; the other files that can be read."""
        others: list[int] = []
        clock, view, heard = time.time, memoryview(self._buffer), self.heard
        for file, _ in self._polling.poll(max(0.0, wait_s), 256):
            client = self._by_file.get(file)
            if client is None:
                others.append(file)
                continue
            size = client.socket.recv_into(self._buffer)
            now_ms = clock() * 1e3
            if not size:
                raise RuntimeError("the server ended a connection")
            data = client.received + view[:size] if client.received else bytes(view[:size])
            if data != self._last[0]:
                messages, rest = _read(data, client.socket)
                client.received = rest
                self._last = (data, messages) if not rest else (b"", messages)
            else:
                # What one client is sent the others are too: it is read once.
                client.received = b""
            for message in self._last[1]:
                if message.is_delta:
                    if message.prev_update_id != client.update_id:
                        raise AssertionError("a client missed a change")
                    heard.deltas += 1
                    told = message.update_id - message.prev_update_id
                    heard.changes += told
                    heard.merged += told > 1
                    heard.delays_ms.append(now_ms - message.timestamp_ms)
                else:
                    heard.snapshots += 1
                client.update_id = message.update_id
        return others


def shaken(address: tuple[str, int], buffer_bytes: int | None = None) -> socket.socket:
    """A connection on which the server agreed on WebSocket, and that asked for market 1 of 1."""
    opened = socket.socket()
    if buffer_bytes is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    opened.connect(address)
    opened.sendall(_SHAKE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += opened.recv(1)
    if not head.startswith(b"HTTP/1.1 101 "):
        raise RuntimeError(f"no WebSocket: {head.decode()}")
    opened.sendall(_masked(0x81, b'{"action":"subscribe","event_id":1,"market_id":1}'))
    return opened


def _masked(kind: int, payload: bytes) -> bytes:
    """A frame of a client; with a mask of zeros the payload stays what it is."""
    return bytes((kind, 0x80 | len(payload))) + bytes(4) + payload


def _read(data: bytes, opened: socket.socket) -> tuple[list[_Message], bytes]:
    """The messages in *data* that tell of the market, and what is left of a frame."""
    messages: list[_Message] = []
    at = 0
    while len(data) - at >= 2:
        kind, size = data[at], data[at + 1]
        start = at + 2
        if size >= 126:
            length = 2 if size == 126 else 8
            size = int.from_bytes(data[start : start + length], "big")
            start += length
        if len(data) < start + size:
            break
        payload = data[start : start + size]
        at = start + size
        if kind == _PING:
            opened.sendall(_masked(0x8A, payload))
        elif payload.startswith((_DELTA, _SNAPSHOT)):
            is_delta = payload.startswith(_DELTA)
            messages.append(
                _Message(
                    is_delta,
                    _number(payload, b'"prev_update_id":') if is_delta else 0,
                    _number(payload, b'"update_id":'),
                    _number(payload, b'"timestamp":'),
                )
            )
    return messages, data[at:]


def _number(payload: bytes, name: bytes) -> int:
    start = payload.index(name) + len(name)
    return int(payload[start : payload.index(b",", start)])
