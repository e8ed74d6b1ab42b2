"""Serves an application on a socket for as long as a block lasts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from pmengine.gateways.certificate import Certificate
from pmengine.gateways.http.connections import Crowd, PatientProtocol, connections_max
from pmengine.gateways.http.sockets import PromptSocket

BACKLOG: Final = 1024
KEEP_ALIVE_S: Final = 75
STOP_TIMEOUT_S: Final = 5
HANDSHAKE_S_MAX: Final = 10.0
"""How long a client may take to agree on TLS; until then nothing else bounds its connection."""
MESSAGE_BYTES_MAX: Final = 4 * 1024
"""The longest message that a WebSocket client may send."""


class _Server(uvicorn.Server):
    """A server inside a running loop: signals are its owner's, and it says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        config = self.config
        loop = asyncio.get_running_loop()
        handshake_s_max = None if config.ssl is None else HANDSHAKE_S_MAX

        def protocol() -> asyncio.Protocol:
            kind: Any = config.http_protocol_class
            made: asyncio.Protocol = kind(
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        for listener in sockets or ():
            listening = await loop.create_server(
                protocol,
                sock=listener,
                ssl=config.ssl,
                ssl_handshake_timeout=handshake_s_max,
                backlog=config.backlog,
            )
            self.servers.append(listening)
        self.listening.set()


@asynccontextmanager
async def serving(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    crowd: Crowd | None = None,
    certificate: Certificate | None = None,
) -> AsyncIterator[str]:
    """
    Serve *app* while the block lasts; gives the URL of its root.

    Leaving stops listening, lets requests under way end (at most `STOP_TIMEOUT_S` seconds)
    and closes the connections.

    Args:
        port: 0 takes a free one.
        crowd: Bounds on what it waits for; unset, the usual ones.
        certificate: What is shown to clients, who then speak TLS; unset, they do not.

    Raises:
        OSError: The address cannot be had; the message names it.
    """
    listener = _bind(host, port)
    shown = f"[{host}]" if ":" in host else host
    if crowd is None:
        crowd = Crowd(connections_max=connections_max())
    options: dict[str, Any] = {
        "http": partial(PatientProtocol, crowd=crowd),
        "ws": PromptSocket,
        "ws_max_size": MESSAGE_BYTES_MAX,
        "ws_per_message_deflate": False,
        "lifespan": "off",
        "log_config": None,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
        # One more than there may be: who waits is let go before anybody is refused.
        "limit_concurrency": crowd.connections_max + 1,
        "timeout_keep_alive": KEEP_ALIVE_S,
        "timeout_graceful_shutdown": STOP_TIMEOUT_S,
        "backlog": BACKLOG,
    }
    if certificate is not None:
        context = certificate.context
        options["ssl_context_factory"] = lambda config, usual: context
    server = _Server(uvicorn.Config(app, **options))
    running = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    listening = asyncio.create_task(server.listening.wait())
    try:
        await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        scheme = "http" if certificate is None else "https"
        yield f"{scheme}://{shown}:{listener.getsockname()[1]}"
    finally:
        listening.cancel()
        server.should_exit = True
        await running
        listener.close()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The loop sends at once what is written to a socket of TCP by name; else the body of an
    # answer waits 40 ms until the client's kernel acknowledges the head.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno, f"cannot listen on {host} port {port}: {error.strerror}"
        ) from error
    listener.setblocking(False)
    return listener
