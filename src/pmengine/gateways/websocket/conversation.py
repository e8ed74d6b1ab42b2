"""One WebSocket client: what it says is heard, what it is owed is sent, both bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from starlette.types import Receive, Send

AtOnce = Callable[[Callable[[], str | None]], bool]

REPLIES_MAX: Final = 64
"""Replies that wait to be sent; a client beyond it is not listened to until they are."""


class Conversation:
    """
    Reads what a client says, and writes replies and what it is owed; replies go first.

    What is owed is asked for when it can be sent, so that nothing of it waits here. While nothing
    waits it is sent where it becomes due: a turn of a task for each client would make it late.

    Args:
        at_once: Sends what it is given as far as nothing has to wait; whether that was all.
        hear: Called with each message, one at a time.
        owed: The next message that the client is owed, None if there is none now.
    """

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        at_once: AtOnce,
        hear: Callable[[str | bytes], Awaitable[None]],
        owed: Callable[[], str | None],
    ) -> None:
        self._receive = receive
        self._send = send
        self._at_once = at_once
        self._is_idle = False
        self._failure: Exception | None = None
        self._hear = hear
        self._owed = owed
        self._replies: deque[str] = deque()
        self._ending: tuple[int, str] | None = None
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def reply(self, text: str) -> None:
        """Send *text* before anything that is owed."""
        self._replies.append(text)
        if len(self._replies) >= REPLIES_MAX:
            self._room.clear()
        self._something.set()

    def wake(self) -> None:
        """Something may be owed now."""
        if self._is_idle and not self._something.is_set():
            try:
                if self._at_once(self._owed):
                    return
            except Exception as error:
                # It is this client's: whoever wakes it has others to wake.
                self._failure = error
        self._something.set()

    def end(self, code: int, reason: str) -> None:
        """Close the connection once the replies are sent, with nothing more that is owed."""
        self._ending = (code, reason)
        self._something.set()

    async def run(self, *beside: Coroutine[Any, Any, None]) -> None:
        """Serve the client until it leaves or is left; *beside* runs meanwhile."""
        talking = [asyncio.create_task(one) for one in (self._write(), self._read())]
        others = [asyncio.create_task(one) for one in beside]
        try:
            await asyncio.wait(talking, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*talking, *others):
                task.cancel()
            ended = await asyncio.gather(*talking, *others, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception) and not isinstance(error, OSError):
                raise error

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            await self._room.wait()
            await self._hear(message["bytes"] if text is None else text)

    async def _write(self) -> None:
        while True:
            self._is_idle = True
            await self._something.wait()
            self._is_idle = False
            if self._failure is not None:
                raise self._failure
            if self._replies:
                text: str | None = self._replies.popleft()
                self._room.set()
            elif self._ending is not None:
                code, reason = self._ending
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
                return
            else:
                text = self._owed()
            if text is not None:
                await self._send({"type": "websocket.send", "text": text})
            elif not self._replies and self._ending is None:
                self._something.clear()
