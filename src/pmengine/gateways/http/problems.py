"""What a client is told when a request was not done: problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

PROBLEM_JSON = b"application/problem+json"


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """
    Why a request was not done; `code` is for programs, `detail` for people.

    `field` names the place in the request. `order_id` and `client_order_id` are there when
    the outcome of a new order is not known: ask again with the same `client_order_id`.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None
    order_id: str | None = None
    client_order_id: str | None = None


_encoder = msgspec.json.Encoder()


class Problem(Exception):
    """
    A request that is not done, on the way to its answer.

    Args:
        status: The HTTP status.
        code: The refusal code of the engine, or one of the edge in the same form.
        detail: What, where and what to do.
        field: The place in the request.
        headers: Further headers of the answer.
        order_id: With `client_order_id`, of an order whose outcome is not known.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        headers: Mapping[bytes, bytes] | None = None,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.headers = headers or {}
        self.detail = detail
        self._field = field
        self._order_id = order_id
        self._client_order_id = client_order_id

    def details(self) -> ProblemDetails:
        """The document that says it."""
        name = self.code.lower().replace("_", "-")
        return ProblemDetails(
            type=f"urn:pmengine:problem:{name}",
            title=name.replace("-", " ").capitalize(),
            status=self.status,
            code=self.code,
            detail=self.detail,
            field=self._field,
            order_id=self._order_id,
            client_order_id=self._client_order_id,
        )

    def encode(self) -> bytes:
        """The body of the answer."""
        return _encoder.encode(self.details())
