"""A WebSocket that is opened again whenever it ends, and found dead when it falls silent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from pmengine.client.errors import ClientError, Refused, Unavailable
from pmengine.client.problems import retry_after_s
from pmengine.client.transport import PAUSE_S_MAX, pauses

MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A snapshot of a market with orders at every price is some megabytes."""
OPEN_S_MAX: Final = 10.0
CLOSE_S_MAX: Final = 1.0
_encoder: Final = msgspec.json.Encoder()


class Listener(Protocol):
    """Who speaks over the connection; nothing of it waits for anything but for `say`."""

    async def greet(self) -> None:
        """The connection is open: say what is wanted, again each time."""
        ...

    async def hear(self, text: str | bytes) -> None:
        """
        Take in a message.

        Raises:
            ClientError: It cannot go on; not retryable means for good.
        """
        ...

    def lose(self) -> None:
        """The connection is gone; it is opened again."""
        ...

    def give_up(self, error: ClientError) -> None:
        """It is not opened again."""
        ...


class Reconnecting:
    """
    One WebSocket at a time, for as long as `run` runs.

    Args:
        url: `ws://` or `wss://`.
        silence_s_max: The other side is taken for dead, and connected to again, when it did
            not answer a ping for so long.
        trust: Whom it believes to be the exchange, over TLS; None, whom everybody believes.
    """

    def __init__(
        self,
        url: str,
        listener: Listener,
        *,
        silence_s_max: float,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._url = url
        self._listener = listener
        self._silence_s_max = silence_s_max
        # Nobody is asked for a certificate over `ws://`.
        self._tls: dict[str, Any] = {} if trust is None or url.startswith("ws:") else {"ssl": trust}
        self._socket: ClientConnection | None = None
        self.trouble = ""
        """Why it is not open, as far as is known; empty while it is, and before it is tried."""

    async def say(self, message: Mapping[str, Any]) -> None:
        """Send *message* if the connection is open; if not, `greet` will say what is needed."""
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(_encoder.encode(message).decode())

    async def run(self) -> None:
        """Keep it open until cancelled, or until there is no use in it."""
        loop = asyncio.get_running_loop()
        waiting = pauses()
        while True:
            started = loop.time()
            wait_s = 0.0
            try:
                await self._talk()
            except InvalidStatus as error:
                refusal = _refusal(error)
                if not refusal.retryable:
                    self._listener.give_up(refusal)
                    return
                wait_s = refusal.retry_after_s
                self.trouble = str(refusal)
            except ClientError as error:
                if not error.retryable:
                    self._listener.give_up(error)
                    return
                wait_s = error.retry_after_s
                self.trouble = str(error)
            except (OSError, TimeoutError, WebSocketException) as error:
                # Whoever listens was told that it is gone.
                self.trouble = f"{self._url}: {str(error) or type(error).__name__}"
            if loop.time() - started > PAUSE_S_MAX:
                waiting = pauses()
            await asyncio.sleep(max(next(waiting), wait_s))

    async def _talk(self) -> None:
        half_s = self._silence_s_max / 2
        async with connect(
            self._url,
            max_size=MESSAGE_BYTES_MAX,
            open_timeout=OPEN_S_MAX,
            close_timeout=CLOSE_S_MAX,
            ping_interval=half_s,
            ping_timeout=half_s,
            **self._tls,
        ) as socket:
            self._socket = socket
            self.trouble = ""
            try:
                await self._listener.greet()
                async for text in socket:
                    await self._listener.hear(text)
            finally:
                self._socket = None
                self._listener.lose()


def _refusal(error: InvalidStatus) -> ClientError:
    response = error.response
    status = response.status_code
    wait_s = retry_after_s(response.headers.get("Retry-After", ""))
    told = f"the WebSocket was not accepted: {response.reason_phrase}"
    if status in (408, 429) or status >= 500:
        return Unavailable(f"{status}: {told}", retry_after_s=wait_s)
    return Refused(status, "NOT_ACCEPTED", told)


def not_live(what: str, after_s: float, trouble: str) -> Unavailable:
    """Said to who waited so long for what a connection tells, with its trouble."""
    because = f": {trouble}" if trouble else ""
    return Unavailable(f"{what} is not live after {after_s:g} s{because}")


def socket_url(url: str, path: str) -> str:
    """The address of a WebSocket of the exchange at *url*."""
    return f"ws{url.removeprefix('http').rstrip('/')}{path}"
