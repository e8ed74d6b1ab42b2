"""
The tree of everything that the client raises.

    ClientError               (a PmstoreError: `retryable`, `outcome`)
    ├── Refused               the exchange answered why it did not do it; nothing was changed
    ├── Unavailable           no answer, or "not now"; nothing was done
    ├── OutcomeUnknown        neither accepted nor refused as far as is known; has the ids
    ├── DoneNotShown          it was done; its result cannot be shown
    ├── UnreadableAnswer      the answer is not of the API; is this an exchange, and of this age?
    └── ClientClosed          used outside `async with`
"""

from __future__ import annotations

import attrs

from pmstore.errors import PmstoreError, WriteOutcome


class ClientError(PmstoreError):
    """Anything that the client raises but for wrong arguments (ValueError, TypeError)."""

    retry_after_s: float = 0.0
    """When asking again may help, at the earliest, if the exchange said so."""


class Refused(ClientError):
    """
    The exchange says why it did not do it.

    Attributes:
        status: Of HTTP.
        code: For programs: a refusal of the engine or a code of the edge (`INVALID_PRICE`).
        detail: For people.
        field: The place in the request that is to blame, if there is one.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.retry_after_s = retry_after_s
        self.retryable = status == 429


class Unavailable(ClientError):
    """
    Nobody answered, or the exchange takes nothing now; nothing was done.

    Attributes:
        code: What the exchange said, if it did (`NOT_ACCEPTING`).
    """

    retryable = True

    def __init__(self, message: str, *, code: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


@attrs.frozen(kw_only=True)
class Ids:
    """By what a request can be asked about, or repeated; None for what it has not."""

    client_order_id: str | None = None
    order_id: str | None = None
    id: str | None = None


class OutcomeUnknown(ClientError):
    """
    It may have been done or may yet be: no answer came in time, or the connection broke.

    A request with ids does nothing twice: ask again with the same ones.

    Attributes:
        client_order_id: Of a new order.
        order_id: Of a new order, if the exchange said it, or of the order that was named.
        id: Of a movement of money or shares.
        ids: The three together.
        refusal: What a repetition was refused with, if it was; the first one may be why.
    """

    retryable = True
    outcome = WriteOutcome.UNKNOWN

    def __init__(
        self,
        message: str,
        ids: Ids,
        *,
        refusal: Refused | None = None,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.ids = ids
        self.client_order_id = ids.client_order_id
        self.order_id = ids.order_id
        self.id = ids.id
        self.refusal = refusal
        self.retry_after_s = retry_after_s


class DoneNotShown(ClientError):
    """It was done, but the exchange cannot show what came of it (any more)."""

    outcome = WriteOutcome.APPLIED

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.retryable = status == 504


class UnreadableAnswer(ClientError):
    """
    What came is no answer of this API: another server, a proxy in between, another age.

    A request that changes something may have been done all the same.
    """

    outcome = WriteOutcome.UNKNOWN


class ClientClosed(ClientError):
    """The client, or what it follows, was used outside `async with`."""
