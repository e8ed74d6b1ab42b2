"""Turns an answer that is no success into the error that it says."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from time import time
from typing import Any, Final

import attrs
import httpx
import msgspec

from pmengine.client.errors import (
    ClientError,
    DoneNotShown,
    Ids,
    OutcomeUnknown,
    Refused,
    Unavailable,
    UnreadableAnswer,
)
from pmengine.client.requests import Repeat, Request

TOO_MANY: Final = 429
DONE: Final = frozenset({"DONE_NOT_SHOWN", "ORDER_NOT_KEPT"})
"""Codes that say that it was done, though it is not shown."""
NOT_NOW: Final = 503
_SHOWN_MAX: Final = 200


@attrs.frozen(kw_only=True)
class Problem:
    """What problem details (RFC 9457) say, as far as the client knows them."""

    code: str
    detail: str
    field: str | None = None
    order_id: str | None = None
    client_order_id: str | None = None


_decoder: Final = msgspec.json.Decoder(Problem)


def error_of(request: Request[Any], response: httpx.Response) -> ClientError:
    """What *response*, which is no success, says about *request*."""
    status = response.status_code
    wait_s = retry_after_s(response.headers.get("Retry-After", ""))
    problem = _read(response)
    if problem is None:
        return _from_elsewhere(request, response, wait_s)
    if problem.code in DONE:
        return DoneNotShown(status, problem.code, problem.detail)
    told = f"{status} {problem.code}: {problem.detail}"
    if status == NOT_NOW or (status >= 500 and request.repeat is Repeat.ASKS):
        return Unavailable(told, code=problem.code, retry_after_s=wait_s)
    if status >= 500:
        return OutcomeUnknown(told, known_ids(request, problem), retry_after_s=wait_s)
    return Refused(status, problem.code, problem.detail, field=problem.field, retry_after_s=wait_s)


def known_ids(request: Request[Any], problem: Problem) -> Ids:
    """The ids of *request*, and those that *problem* adds."""
    ids = request.ids
    return attrs.evolve(
        ids,
        order_id=ids.order_id or problem.order_id,
        client_order_id=ids.client_order_id or problem.client_order_id,
    )


def retry_after_s(text: str) -> float:
    """The seconds that the header `Retry-After` says, 0 if it says nothing to be read."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except (ValueError, OverflowError):
        return 0.0


def _read(response: httpx.Response) -> Problem | None:
    try:
        return _decoder.decode(response.content)
    except msgspec.DecodeError:
        return None


def _from_elsewhere(request: Request[Any], response: httpx.Response, wait_s: float) -> ClientError:
    """An answer without problem details is of something between us and the exchange."""
    status = response.status_code
    told = f"{status} {response.reason_phrase}: {response.text[:_SHOWN_MAX]!r}"
    if status == TOO_MANY:
        return Refused(status, "TOO_MANY_REQUESTS", told, retry_after_s=wait_s)
    if status < 500:
        return UnreadableAnswer(f"{told}; this is not the API of an exchange")
    if request.repeat is Repeat.ASKS:
        return Unavailable(told, retry_after_s=wait_s)
    # Even a 503: only that of an exchange promises that nothing was done.
    return OutcomeUnknown(told, request.ids, retry_after_s=wait_s)
