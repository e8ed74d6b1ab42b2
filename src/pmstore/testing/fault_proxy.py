"""A TCP proxy between a client and its server that loses, holds, delays and cuts by script."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import attrs

A = TypeVar("A")

_CHUNK: Final = 65_536
_SOON_S: Final = 10.0
_RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset."""


class Way(enum.Enum):
    """Which way bytes go."""

    REQUESTS = "requests"
    ANSWERS = "answers"


@attrs.frozen(kw_only=True)
class Script:
    """
    What happens to the bytes of a connection; without arguments, nothing.

    Everything is counted from the moment at which the script is given. A *part* is what was
    read at once: a small request or answer is one.

    Attributes:
        lose_request: The part of requests, from 1, that is not forwarded; a reset follows on
            both sides. The server never sees it.
        lose_answer: The part of answers, from 1, that is not forwarded; a reset follows. The
            server has done its work.
        cut_requests_after: Bytes of requests that are forwarded before a reset.
        cut_answers_after: Bytes of answers that are forwarded before a reset.
        hold_requests: Requests are kept and forwarded when the proxy heals, as a network does
            that was down for a while.
        hold_answers: Answers are kept in the same way.
        delay_s: Seconds by which every part comes later, in both directions.
        refuse: The connection is reset as soon as it is made.
    """

    lose_request: int | None = None
    lose_answer: int | None = None
    cut_requests_after: int | None = None
    cut_answers_after: int | None = None
    hold_requests: bool = False
    hold_answers: bool = False
    delay_s: float = 0.0
    refuse: bool = False


HEALTHY: Final = Script()


@attrs.define
class _Play:
    """A script that is being played, for one connection or for all of them."""

    script: Script
    parts: dict[Way, int] = attrs.Factory(lambda: dict.fromkeys(Way, 0))
    bytes: dict[Way, int] = attrs.Factory(lambda: dict.fromkeys(Way, 0))
    fired: bool = False
    """A reset is due once: then the network is as healthy as before."""

    def judge(self, way: Way, size: int) -> int | None:
        """How many bytes to forward before a reset; None: all, and no reset."""
        if self.fired:
            return None
        script = self.script
        requests = way is Way.REQUESTS
        lost = script.lose_request if requests else script.lose_answer
        cut = script.cut_requests_after if requests else script.cut_answers_after
        self.parts[way] += 1
        left = None if cut is None else cut - self.bytes[way]
        self.bytes[way] += size
        if lost is not None and self.parts[way] >= lost:
            left = 0
        if left is None or left > size or (left == size and lost is None and cut != 0):
            return None
        self.fired = True
        return left


class FaultProxy:
    """
    Listens on a port of loopback and forwards to a server, as its scripts say.

    Runs in a thread with an event loop of its own, so clients of any kind use it, and its
    verbs are called from any thread; they take effect before they return.

        with FaultProxy("127.0.0.1", 6379) as proxy:
            store = open_store(proxy.host, proxy.port)
            ...
            proxy.play(Script(lose_answer=1))

    Args:
        host: The server's.
        port: The server's.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._play = _Play(HEALTHY)
        self._queue: list[Script] = []
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None
        self._healed: asyncio.Event
        self.host: Final = "127.0.0.1"
        self.port = 0
        self.connections = 0
        """Connections that were made so far, refused ones left out."""

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SOON_S)
        self._loop.close()

    @property
    def fired(self) -> bool:
        """Whether the script that `play` was given has reset a connection."""
        return self._play.fired

    def play(self, script: Script) -> None:
        """Treat all connections by *script* together, those there are and those to come."""
        self._run(self._set(script))

    def play_on_next(self, scripts: Sequence[Script]) -> None:
        """Treat the next connections by a script each, in order; `play`'s does not hold there."""
        self._run(self._enqueue(scripts))

    def refuse(self) -> None:
        """Refuse new connections, as a server that is not there; those there are go on."""
        self._run(self._listen(False))

    def cut(self) -> None:
        """Reset every connection there is."""
        self._run(self._cut())

    def heal(self) -> None:
        """Take connections, forward what was held, and play no script any more."""
        self._run(self._heal())

    def _run(self, call: Coroutine[Any, Any, A]) -> A:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(_SOON_S)

    async def _start(self) -> None:
        self._healed = asyncio.Event()
        self._healed.set()
        await self._listen(True)

    async def _stop(self) -> None:
        await self._cut()
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, listening: bool) -> None:
        # A port that is bound and does not listen refuses connections and stays ours.
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.host, self.port))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        if listening:
            self._listener.listen(128)
            self._loop.add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            client, _ = listener.accept()
            client.setblocking(False)
            play = _Play(self._queue.pop(0)) if self._queue else None
            if (play or self._play).script.refuse:
                _reset(client)
                return
            self.connections += 1
            self._begin(self._connected(client, play))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connected(self, client: socket.socket, play: _Play | None) -> None:
        server = socket.socket()
        server.setblocking(False)
        try:
            await self._loop.sock_connect(server, self._server)
        except OSError:
            server.close()
            _reset(client)
            return
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(self._loop, client, server, play, lambda: self._play, self._wait_held)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)

    async def _wait_held(self, way: Way, play: Callable[[], _Play]) -> None:
        while _holds(play().script, way):
            self._healed.clear()
            await self._healed.wait()

    async def _set(self, script: Script) -> None:
        self._play = _Play(script)
        self._healed.set()

    async def _enqueue(self, scripts: Sequence[Script]) -> None:
        self._queue += scripts

    async def _cut(self) -> None:
        links = list(self._links)
        for link in links:
            link.reset()
        await asyncio.gather(*(link.ended.wait() for link in links))

    async def _heal(self) -> None:
        self._queue.clear()
        self._play = _Play(HEALTHY)
        for link in self._links:
            link.forget_script()
        self._healed.set()
        await self._listen(True)


def _holds(script: Script, way: Way) -> bool:
    return script.hold_requests if way is Way.REQUESTS else script.hold_answers


class _Link:
    """One connection through the proxy: two sockets, and a reader and a writer each way."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        client: socket.socket,
        server: socket.socket,
        own: _Play | None,
        shared: Callable[[], _Play],
        wait_held: Callable[[Way, Callable[[], _Play]], Coroutine[Any, Any, None]],
    ) -> None:
        self._loop = loop
        self._client = client
        self._server = server
        self._own = own
        self._shared = shared
        self._wait_held = wait_held
        self._work: list[asyncio.Task[None]] = []
        self.ended = asyncio.Event()

    async def run(self) -> None:
        """Forward both ways until both sides have ended."""
        self._work = [
            self._loop.create_task(work)
            for way, source, target in (
                (Way.REQUESTS, self._client, self._server),
                (Way.ANSWERS, self._server, self._client),
            )
            for queue in [asyncio.Queue[bytes]()]
            for work in (self._read(source, queue), self._write(way, queue, target))
        ]
        try:
            await asyncio.gather(*self._work, return_exceptions=True)
        finally:
            self._client.close()
            self._server.close()
            self.ended.set()

    def reset(self) -> None:
        """End it with a reset on both sides."""
        for each in (self._client, self._server):
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        # Closed by `run` when nobody waits for them any more.
        for task in self._work:
            task.cancel()

    def forget_script(self) -> None:
        """Play no script of its own any more."""
        self._own = None

    def _play(self) -> _Play:
        return self._own or self._shared()

    async def _read(self, source: socket.socket, queue: asyncio.Queue[bytes]) -> None:
        # Reads on while its writer holds: what a client sent before it went away still counts.
        while True:
            try:
                part = await self._loop.sock_recv(source, _CHUNK)
            except OSError:
                part = b""
            queue.put_nowait(part)
            if not part:
                return

    async def _write(self, way: Way, queue: asyncio.Queue[bytes], target: socket.socket) -> None:
        gone = False
        while True:
            part = await queue.get()
            if delay_s := self._play().script.delay_s:
                await asyncio.sleep(delay_s)
            await self._wait_held(way, self._play)
            if not part:
                with contextlib.suppress(OSError):
                    target.shutdown(socket.SHUT_WR)
                return
            forwarded = self._play().judge(way, len(part))
            try:
                if not gone:
                    await self._loop.sock_sendall(target, part[:forwarded])
            except OSError:
                # The other side is told nothing of it: it may have asked for more than this.
                gone = True
            if forwarded is not None:
                self.reset()
                return


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()
