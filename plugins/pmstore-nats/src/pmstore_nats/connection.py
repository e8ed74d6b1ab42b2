"""One connection to a NATS server, made anew by the next call after it broke."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs
from nats.aio.client import Client
from nats.errors import Error

from pmstore import StoreUnavailable, WriteOutcome
from pmstore_nats.config import NatsConfig

_NOT_FOUND: Final = 10037
WRONG_LAST_SEQUENCE: Final = 10071


@attrs.frozen
class Message:
    """A stored message; `time_ms` is when the server stored it, in epoch milliseconds."""

    seq: int
    headers: Mapping[str, str]
    data: bytes
    time_ms: int


class Connection:
    """
    Requests to a server; nothing is sent twice, and nothing is sent later than it was asked.

    Args:
        config: Which server.
    """

    def __init__(self, config: NatsConfig) -> None:
        self._config = config
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._asking: set[asyncio.Timeout] = set()

    async def client(self) -> Client:
        """
        The open client.

        Raises:
            StoreUnavailable: Nobody answers, or not to us; nothing was sent.
        """
        async with self._connecting:
            if self._client is None or not self._client.is_connected:
                await self.close()
                config = self._config
                client = Client()
                try:
                    async with asyncio.timeout(config.timeout_s):
                        await client.connect(
                            f"nats://{config.host}:{config.port}",
                            user=config.user,
                            password=config.password,
                            # It would send later, and again, what a caller has given up.
                            allow_reconnect=False,
                            connect_timeout=max(1, round(config.timeout_s)),
                            error_cb=_silent,
                            closed_cb=self._broken,
                        )
                except BaseException as error:
                    # It leaves its socket open, above all when it is cancelled.
                    await client.close()
                    if isinstance(error, (Error, OSError)):
                        raise self._unavailable(error, WriteOutcome.NOT_APPLIED) from error
                    raise
                self._client = client
            return self._client

    async def close(self) -> None:
        """Close it; the next call opens another."""
        client, self._client = self._client, None
        await self._broken()
        if client is not None and not client.is_closed:
            await client.close()

    async def _broken(self) -> None:
        """End whatever waits for an answer that nobody will give."""
        now = asyncio.get_running_loop().time()
        for scope in self._asking:
            scope.reschedule(now)
        self._asking.clear()

    async def request(
        self,
        subject: str,
        payload: bytes,
        *,
        headers: dict[str, str] | None = None,
        writes: bool = False,
    ) -> dict[str, Any]:
        """
        What the server answers, which may be `{"error": …}`.

        Raises:
            StoreUnavailable: No answer; of one that *writes* the outcome is unknown then.
        """
        client = await self.client()
        outcome = WriteOutcome.UNKNOWN if writes else WriteOutcome.NOT_APPLIED
        timeout_s = self._config.timeout_s
        task = asyncio.current_task()
        cancelled = task.cancelling() if task else 0
        try:
            async with asyncio.timeout(timeout_s) as scope:
                self._asking.add(scope)
                try:
                    # The client's own limit never comes first: its error looks like a broken
                    # connection's.
                    answer = await client.request(
                        subject, payload, timeout=timeout_s * 2, headers=headers
                    )
                finally:
                    self._asking.discard(scope)
        except (Error, OSError) as error:
            raise self._unavailable(error, outcome) from error
        if task is not None and task.cancelling() > cancelled:
            # `asyncio.wait_for` of Python 3.11, which the client uses, loses a cancellation that
            # comes together with the answer.
            raise asyncio.CancelledError
        document: dict[str, Any] = json.loads(answer.data)
        return document

    async def api(
        self, verb: str, asked: Mapping[str, object] | None = None, *, writes: bool = False
    ) -> dict[str, Any]:
        """
        A request to JetStream's interface; `{}` where what was asked for does not exist.

        Raises:
            StoreUnavailable: No answer, or a refusal.
        """
        document = await self.request(
            f"$JS.API.{verb}", json.dumps(asked).encode() if asked else b"", writes=writes
        )
        error = document.get("error")
        if error is None:
            return document
        if error.get("err_code") == _NOT_FOUND:
            return {}
        raise self.refused(error)

    def refused(self, error: Mapping[str, Any]) -> StoreUnavailable:
        """The error of a request that the server refused."""
        text = f"{error.get('description')} ({error.get('err_code')})"
        return self._unavailable(ConnectionError(text), WriteOutcome.NOT_APPLIED)

    def _unavailable(self, error: Exception, outcome: WriteOutcome) -> StoreUnavailable:
        where = f"nats://{self._config.host}:{self._config.port}"
        reason = str(error) or type(error).__name__
        return StoreUnavailable(f"{where}: {reason}", outcome=outcome)


def message_of(stored: Mapping[str, Any]) -> Message:
    """A message as the interface tells it."""
    headers: dict[str, str] = {}
    lines = base64.b64decode(stored.get("hdrs", "")).decode(errors="replace").splitlines()
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip()] = value.strip()
    time_ms = round(datetime.fromisoformat(stored["time"]).timestamp() * 1000)
    return Message(int(stored["seq"]), headers, base64.b64decode(stored.get("data", "")), time_ms)


async def _silent(error: Exception) -> None:
    """Every call that fails says so itself."""
