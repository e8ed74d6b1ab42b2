"""One path of the API as an ASGI application: reads a request, has it done, writes the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Final

import msgspec
from starlette.types import Receive, Scope, Send

from pmengine.gateways.http.derived import Derived
from pmengine.gateways.http.failures import problem_from
from pmengine.gateways.http.freshness import Freshness
from pmengine.gateways.http.gate import Gate, read_headers
from pmengine.gateways.http.metrics import Metrics
from pmengine.gateways.http.operations import Call, Operation
from pmengine.gateways.http.problems import PROBLEM_JSON, Problem
from pmengine.gateways.http.reading import decode_body, decode_parameters, refuse_body
from pmengine.gateways.http.requests import NoParameters
from pmengine.gateways.venue import Venue

BODY_BYTES_MAX: Final = 64 * 1024
JSON: Final = b"application/json"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "OTHER"
"""What any other method is counted as: a client must not make up labels of ours."""

_NO_PARAMETERS: Final = NoParameters()
_encoder: Final = msgspec.json.Encoder()


class Endpoint:
    """
    The operations of one path, by method.

    What an operation does not foresee is answered too: a problem of the stores by 503, our
    own bug by 500 with a line in the log.
    """

    def __init__(
        self,
        path: str,
        operations: Sequence[Operation],
        venue: Venue,
        freshness: Freshness,
        metrics: Metrics,
        gate: Gate,
        derived: Derived,
    ) -> None:
        self._path = path
        self._gate = gate
        self._derived = derived
        self._venue = venue
        self._freshness = freshness
        self._metrics = metrics
        self._operations: dict[str, tuple[Operation, Any]] = {}
        for one in operations:
            decoder = None if one.body is None else msgspec.json.Decoder(one.body)
            self._operations[one.method] = (one, decoder)
        if "GET" in self._operations:
            self._operations["HEAD"] = self._operations["GET"]
        self._allow = ", ".join(sorted(self._operations)).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = perf_counter()
        method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
        headers: Mapping[bytes, bytes] = {}
        call = None
        try:
            operation, decoder = self._find(method)
            call = await self._read(operation, decoder, scope, receive)
            status, answer = await operation.handle(call)
            content_type, body = JSON, _encoder.encode(answer)
        except Exception as error:
            # The last resort: whatever went wrong, the client gets a problem document.
            is_applied = call is not None and call.is_applied
            problem = problem_from(error, method, self._path, is_applied=is_applied)
            status, headers = problem.status, problem.headers
            content_type, body = PROBLEM_JSON, problem.encode()
        await respond(send, status, content_type, body, headers)
        self._metrics.answered(method, self._path, status, perf_counter() - started)

    def _find(self, method: str) -> tuple[Operation, Any]:
        found = self._operations.get(method)
        if found is None:
            raise Problem(
                405,
                "METHOD_NOT_ALLOWED",
                f"{self._path} does not take this method; it takes {self._allow.decode()}",
                headers={b"allow": self._allow},
            )
        return found

    async def _read(
        self, operation: Operation, decoder: Any, scope: Scope, receive: Receive
    ) -> Call:
        asking = read_headers(scope["headers"])
        user_id = ""
        caller = None
        if operation.whoever:
            caller = self._gate.identify(scope["client"], asking)
        elif not operation.outside:
            user_id = self._gate.admit(
                scope["client"], asking, operation.scope, is_own=operation.user
            )
        parameters: Any = _NO_PARAMETERS
        if operation.parameters is not NoParameters or scope["query_string"]:
            parameters = decode_parameters(
                operation.parameters, scope["path_params"], scope["query_string"]
            )
        body = None
        if decoder is not None:
            if not _is_json(asking.content_type):
                said = asking.content_type[:64].decode("latin-1") or "of no type"
                raise Problem(
                    415,
                    "UNSUPPORTED_MEDIA_TYPE",
                    f"the body is {said}; send Content-Type: application/json",
                    field="Content-Type",
                )
            body = decode_body(decoder, await _read_body(asking.content_length, receive))
            if operation.weight is not None:
                self._gate.count(user_id, operation.weight(body) - 1)
        elif operation.method != "GET":
            # Nobody's choice of what to change may go unread because it is in the wrong place.
            refuse_body(await _read_body(asking.content_length, receive))
        return Call(
            venue=self._venue,
            freshness=self._freshness,
            metrics=self._metrics,
            derived=self._derived,
            user_id=user_id,
            parameters=parameters,
            body=body,
            caller=caller,
        )


async def respond(
    send: Send, status: int, content_type: bytes, body: bytes, headers: Mapping[bytes, bytes]
) -> None:
    """Write one whole answer."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                *headers.items(),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


_JSON_TYPE: Final = re.compile(rb'application/json\s*(;\s*charset="?utf-?8"?\s*)?', re.IGNORECASE)


def _is_json(content_type: bytes) -> bool:
    return content_type == JSON or _JSON_TYPE.fullmatch(content_type) is not None


async def _read_body(length: bytes, receive: Receive) -> bytes:
    if length.isdigit() and int(length[:20]) > BODY_BYTES_MAX:
        raise _too_large()
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "MALFORMED", "the body ended before it was whole")
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
        if not message.get("more_body", False):
            return body


def _too_large() -> Problem:
    return Problem(413, "BODY_TOO_LARGE", f"the body is beyond {BODY_BYTES_MAX} bytes; send less")
