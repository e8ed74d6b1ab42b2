"""Turns the problems of the API's operations into statuses of gRPC, with their codes in details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs
import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from pmengine.gateways.http.problems import Problem

DOMAIN: Final = "pmengine"
DETAILS_KEY: Final = "grpc-status-details-bin"

_BY_STATUS: Final[Mapping[int, grpc.StatusCode]] = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    # Accepted, but it cannot be shown: neither a refusal nor a failure.
    410: grpc.StatusCode.ABORTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.ABORTED,
}


@attrs.frozen
class Refused:
    """How a call ends that is not done: as `context.abort` takes it."""

    code: grpc.StatusCode
    text: str
    trailing: tuple[tuple[str, bytes], ...]


def refused(problem: Problem) -> Refused:
    """
    *problem* as a status.

    Its details are a `google.rpc.ErrorInfo` with the problem's code as its reason, and with the
    field or the ids of an order in its metadata; a `RetryInfo` if asking again may help.
    """
    code, said = _code(problem), problem.details()
    named = {
        "field": said.field,
        "order_id": said.order_id,
        "client_order_id": said.client_order_id,
    }
    metadata = {name: value for name, value in named.items() if value is not None}
    details = [ErrorInfo(reason=problem.code, domain=DOMAIN, metadata=metadata)]
    status = Status(code=code.value[0], message=problem.detail, details=map(_any, details))
    wait_s = problem.headers.get(b"retry-after")
    if wait_s is not None:
        status.details.append(_any(RetryInfo(retry_delay=Duration(seconds=int(wait_s)))))
    return Refused(code, problem.detail, ((DETAILS_KEY, status.SerializeToString()),))


def _code(problem: Problem) -> grpc.StatusCode:
    if problem.code == "OUTCOME_UNKNOWN":
        return grpc.StatusCode.DEADLINE_EXCEEDED
    if problem.status != 422:
        return _BY_STATUS.get(problem.status, grpc.StatusCode.INTERNAL)
    if problem.code == "MALFORMED" or problem.code.startswith("INVALID_"):
        return grpc.StatusCode.INVALID_ARGUMENT
    if problem.code.startswith("UNKNOWN_"):
        return grpc.StatusCode.NOT_FOUND
    return grpc.StatusCode.FAILED_PRECONDITION


def _any(message: ErrorInfo | RetryInfo) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
