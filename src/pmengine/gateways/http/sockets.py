"""WebSockets as uvicorn speaks them, on which a message can be sent at once, without a task."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

AT_ONCE: Final = "pmengine.at_once"
"""The extension of the scope that is `PromptSocket.send_at_once`."""
FRAMES_KEPT: Final = 16


class PromptSocket(WebSocketsSansIOProtocol):
    """
    A connection; what many are told at the same time is put into a frame once for all.

    A client that asks by pings whether it is heard, and does not read, is owed the newest pong.
    """

    _pong: bytes = b""

    def handle_connect(self, event: Request) -> None:
        """Somebody asks for a WebSocket: let the application know what it can do."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][AT_ONCE] = {"send": self.send_at_once}

    def data_received(self, data: bytes) -> None:
        """Take what came; the first of it is a whole head, which opens a WebSocket or ends it."""
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_ping(self) -> None:
        """Answer pings, or remember the newest while the client does not read."""
        if self.writable.is_set() or self.conn.close_rcvd is not None:
            super().handle_ping()
        elif pongs := self.conn.data_to_send():
            self._pong = pongs[-1]

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        pong, self._pong = self._pong, b""
        if pong and not self.close_sent:
            self.transport.write(pong)

    async def send(self, message: ASGISendEvent) -> None:
        """Send one message of the application."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # It was refused, and whole: uvicorn would log that as an error of the application.
            self.handshake_complete = True

    def send_at_once(self, following: Callable[[], str | None]) -> bool:
        """
        Send what *following* gives, message by message, as long as none has to wait.

        Returns:
            Whether it gave all that it has (it gave None).
        """
        transport, writable = self.transport, self.writable
        if not self.handshake_complete or self.close_sent or self.disconnected:
            return False
        while writable.is_set() and not transport.is_closing():
            text = following()
            if text is None:
                return True
            transport.write(_frame(text))
        return False


@lru_cache(maxsize=FRAMES_KEPT)
def _frame(text: str) -> bytes:
    """A server's frame: nothing in it depends on whom it is for, as nothing is compressed."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
