"""Sends requests to the API, again where that is safe, until the deadline of the call."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from random import Random
from typing import Any, Final, TypeVar

import attrs
import httpx
import msgspec

from pmengine.client.credentials import Credentials
from pmengine.client.errors import (
    ClientClosed,
    ClientError,
    DoneNotShown,
    OutcomeUnknown,
    Refused,
    Unavailable,
    UnreadableAnswer,
)
from pmengine.client.problems import error_of
from pmengine.client.requests import Repeat, Request

PREFIX: Final = "/api/v1"
PAUSE_S_FIRST: Final = 0.05
PAUSE_S_MAX: Final = 2.0
_OF_THE_REQUEST: Final = frozenset({400, 404, 405, 409, 413, 415, 422})
"""Statuses that say the same of every copy of a request that carries an id."""
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

T = TypeVar("T")
_encoder: Final = msgspec.json.Encoder()


class Transport:
    """
    The HTTP connections of one client.

    Args:
        url: Of the exchange, `http://host:port`.
        deadline_s: How long a call may take, repetitions included.
        attempt_s: How long one of its attempts may take.
        trust: Whom it believes to be the exchange, over TLS; None, whom everybody believes.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        deadline_s: float,
        attempt_s: float,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.deadline_s = deadline_s
        self._url = url.rstrip("/")
        self._headers = credentials.headers
        self._attempt_s = attempt_s
        self._trust = trust
        self._http: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Take requests from now on; connections are made when they are needed."""
        self._http = httpx.AsyncClient(
            base_url=self._url,
            headers=self._headers,
            timeout=self._attempt_s,
            verify=True if self._trust is None else self._trust,
        )

    async def close(self) -> None:
        """End the connections."""
        if self._http is not None:
            http, self._http = self._http, None
            await http.aclose()

    async def ask(self, request: Request[T], deadline_s: float | None = None) -> T:
        """
        What answers *request*.

        It is sent again, after growing pauses and never before `Retry-After`, when it was not
        taken (429, 503, no connection), and when nobody knows what became of it, since no
        request does anything twice.

        Args:
            deadline_s: For this call.

        Raises:
            Refused: At the first refusal that is final, or 429 at the deadline.
            Unavailable: Nothing was done by the deadline.
            OutcomeUnknown: It is not known at the deadline what became of it.
            DoneNotShown: It was done.
            UnreadableAnswer: Something else answered.
            ClientClosed: Outside `async with`.
        """
        loop = asyncio.get_running_loop()
        limit_s = self.deadline_s if deadline_s is None else deadline_s
        deadline = loop.time() + limit_s
        known = _Known()
        for pause_s in pauses():
            try:
                return await self._attempt(request, deadline)
            except ClientError as error:
                known.hear(error)
                wait_s = max(pause_s, error.retry_after_s)
                if not _may_repeat(request, error) or loop.time() + wait_s >= deadline:
                    raise known.last_word(request, error) from error.__cause__
            await asyncio.sleep(wait_s)
        raise AssertionError("pauses never end")

    async def _attempt(self, request: Request[T], deadline: float) -> T:
        http = self._http
        if http is None:
            raise ClientClosed("the client is closed; use it inside `async with`")
        left_s = max(0.0, deadline - asyncio.get_running_loop().time())
        attempt_s = min(self._attempt_s, left_s)
        content = None if request.body is None else _encoder.encode(request.body)
        try:
            async with asyncio.timeout(attempt_s):
                response = await http.request(
                    request.method,
                    request.path,
                    params=_query(request),
                    content=content,
                    headers={} if content is None else {"Content-Type": "application/json"},
                )
        except _NOT_SENT as error:
            raise Unavailable(f"{self._url} does not take connections: {_text(error)}") from error
        except (httpx.RequestError, TimeoutError) as error:
            told = f"{self._url} did not answer {request.method} {request.path}: {_text(error)}"
            if request.repeat is Repeat.ASKS:
                raise Unavailable(told) from error
            raise OutcomeUnknown(told, request.ids) from error
        if not response.is_success:
            raise error_of(request, response)
        return _decode(request, response)


def pauses() -> Iterator[float]:
    """Seconds to wait between attempts: they grow, and chance keeps clients apart."""
    chance = Random()
    pause_s = PAUSE_S_FIRST
    while True:
        yield pause_s * chance.uniform(0.5, 1.0)
        pause_s = min(2 * pause_s, PAUSE_S_MAX)


def _may_repeat(request: Request[Any], error: ClientError) -> bool:
    if isinstance(error, DoneNotShown) and request.repeat is not Repeat.SAME_ID:
        return False
    return error.retryable


@attrs.define
class _Known:
    """What the attempts of one call let be known together."""

    done: DoneNotShown | None = None
    doubt: OutcomeUnknown | None = None

    def hear(self, error: ClientError) -> None:
        """Take in what became of an attempt."""
        if isinstance(error, DoneNotShown):
            self.done = error
        elif isinstance(error, OutcomeUnknown) and (self.doubt is None or error.order_id):
            self.doubt = error

    def last_word(self, request: Request[Any], error: ClientError) -> ClientError:
        """What the caller is told after *error*, the last one."""
        if self.done is not None:
            return self.done
        doubt = self.doubt
        if doubt is None or isinstance(error, UnreadableAnswer):
            return error
        if isinstance(error, OutcomeUnknown):
            return doubt
        refusal = error if isinstance(error, Refused) else None
        if refusal is not None and refusal.status in _OF_THE_REQUEST:
            if request.repeat is Repeat.SAME_ID:
                return refusal
            told = f"an attempt had no answer, and the next was refused: {refusal}"
        else:
            told = f"an attempt had no answer, and then: {error}"
        wait_s = error.retry_after_s
        return OutcomeUnknown(told, doubt.ids, refusal=refusal, retry_after_s=wait_s)


def _query(request: Request[Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in request.parameters.items()
        if value is not None
    }


def _decode(request: Request[T], response: httpx.Response) -> T:
    try:
        return _decoder(request.answer).decode(response.content)
    except msgspec.DecodeError as error:
        raise UnreadableAnswer(
            f"{request.method} {request.path} was answered {response.status_code} with what is no "
            f"{request.answer.__name__}: {error}"
        ) from error


_decoders: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
