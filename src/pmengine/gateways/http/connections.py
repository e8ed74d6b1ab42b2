"""Connections that say nothing, or say it too slowly or at too great length, are let go."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import unquote

import attrs
import httptools
from uvicorn.protocols.http.flow_control import FlowControl, service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pmengine.gateways.http.turn import Turn

CONNECTIONS_MAX: Final = 10_000
FRESH_MAX: Final = 2_000
"""Connections that have not sent one whole request yet; the oldest goes for one more."""
REQUEST_S_MAX: Final = 20.0
"""How long a request may take to arrive, from the connection or its first byte to its last."""
HEAD_BYTES_MAX: Final = 32 * 1024
"""Request line and headers together."""
PART_BYTES: Final = 4 * 1024
"""What is read of one connection before it is looked whether requests wait for their turn."""
OTHER_FILES: Final = 256
"""Files and sockets of the process that are no connections."""


def connections_max() -> int:
    """
    How many connections this process can have at once, at most `CONNECTIONS_MAX`.

    The soft limit of open files is raised as far as it is needed and may be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return max(1, min(CONNECTIONS_MAX, soft - OTHER_FILES))


@attrs.define(eq=False)
class Crowd:
    """
    The connections of one server that wait for a request, each kind oldest first.

    Args:
        connections_max: Of all kinds; beyond it who waits longest is let go.
        fresh_max: Of those that never sent a whole request.
        request_s_max: How long a request may take to arrive.
    """

    connections_max: int = CONNECTIONS_MAX
    fresh_max: int = FRESH_MAX
    request_s_max: float = REQUEST_S_MAX
    fresh: dict[PatientProtocol, None] = attrs.field(factory=dict, init=False)
    idle: dict[PatientProtocol, None] = attrs.field(factory=dict, init=False)

    def make_room(self, connections: int) -> None:
        """A connection was added: let the one go that waits longest, if there are too many."""
        if len(self.fresh) > self.fresh_max:
            next(iter(self.fresh)).let_go()
        elif connections > self.connections_max and (self.idle or len(self.fresh) > 1):
            next(iter(self.idle or self.fresh)).let_go()


class _Flow(FlowControl):
    """
    Reads nothing while requests wait for their turn.

    Whoever sends more than is answered fills the sockets, not this process.
    """

    def __init__(self, transport: asyncio.Transport, is_behind: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._is_behind = is_behind

    def resume_reading(self) -> None:
        """Read on, unless requests wait."""
        if not self._is_behind():
            super().resume_reading()


class PatientProtocol(HttpToolsProtocol):
    """
    HTTP/1.1 as uvicorn speaks it, with bounds on what it waits for.

    Args:
        crowd: Shared by the connections of one server.
        options: As uvicorn gives them.
    """

    def __init__(self, *, crowd: Crowd, **options: Any) -> None:
        super().__init__(**options)
        self._crowd = crowd
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._is_in_head = True
        self._is_arriving = True
        self._unread = b""
        """What came behind requests that wait for their turn."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request, but not for ever."""
        super().connection_made(cast(asyncio.Transport, transport))
        self.flow = _Flow(self.transport, lambda: bool(self.pipeline or self._unread))
        self._crowd.fresh[self] = None
        self._start_deadline()
        self._crowd.make_room(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, as far as no request waits for its turn."""
        unread = self._unread + data
        self._unread = b""
        transport = self.transport
        while unread and not transport.is_closing() and transport.get_protocol() is self:
            part, unread = unread[:PART_BYTES], unread[PART_BYTES:]
            self._take(part)
            if unread and self.pipeline:
                self._unread = unread
                self._stop_deadline()  # it is not the client who lets this one wait
                self.flow.pause_reading()
                return

    def _take(self, data: bytes) -> None:
        """Read a part of what came; end it if the head of a request has no end."""
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_head and self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._deadline is None and (self._is_arriving or self._is_unwatched()):
            self._start_deadline()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._is_arriving = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is whole: begin its turn, or let it wait for the one before it."""
        self._is_in_head = False
        self._head_bytes = 0
        parser, scope = self.parser, self.scope
        version = scope["http_version"] = parser.get_http_version()
        scope["method"] = parser.get_method().decode("ascii")
        if parser.should_upgrade() and self._should_upgrade():
            return
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = url.path
        scope["query_string"] = url.query or b""
        most = self.limit_concurrency
        is_full = most is not None and max(len(self.connections), len(self.tasks)) >= most
        app = service_unavailable if is_full else self.app
        before = self.cycle
        self.cycle = turn = Turn(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(turn, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((turn, app))

    def on_message_complete(self) -> None:
        """It is whole."""
        self._is_arriving = False
        self._is_in_head = True
        self._leave()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It was answered; the next one may come."""
        super().on_response_complete()
        if self._unread and not self.pipeline:
            self.loop.call_soon(self._go_on)
        is_behind = self.pipeline or self._unread
        if not self._is_arriving and not is_behind and not self.transport.is_closing():
            self._crowd.idle[self] = None

    def _go_on(self) -> None:
        """All that waited had their turns, or the last has it: take what came behind them."""
        self.data_received(b"")
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came for too long."""
        self.let_go()

    def let_go(self) -> None:
        """Close it; what its client did not read until now is not waited for."""
        self._leave()
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _is_unwatched(self) -> bool:
        """Whether what came ended the wait for a request, and began none: empty lines do."""
        is_between = self.cycle is not None and self.cycle.response_complete
        return is_between and self.timeout_keep_alive_task is None

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self._crowd.request_s_max, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
        self._leave()
        self.transport.close()

    def _leave(self) -> None:
        self._crowd.fresh.pop(self, None)
        self._crowd.idle.pop(self, None)
        self._stop_deadline()

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
