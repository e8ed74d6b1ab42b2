"""The asset service: reads a call, has it done as the HTTP API would, and writes the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Final
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError, Message
from grpc import aio

from pmengine.gateways.grpc.asset_pb2 import DESCRIPTOR, CreateOrderReply
from pmengine.gateways.grpc.messages import fields_of, fill
from pmengine.gateways.grpc.methods import METHODS, Method
from pmengine.gateways.grpc.statuses import refused
from pmengine.gateways.http.derived import Derived
from pmengine.gateways.http.failures import problem_from
from pmengine.gateways.http.freshness import freshness_of
from pmengine.gateways.http.gate import Gate, read_headers
from pmengine.gateways.http.metrics import Metrics
from pmengine.gateways.http.operations import Call
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.reading import convert_fields
from pmengine.gateways.loopback import is_loopback
from pmengine.gateways.venue import Venue

SERVICE: Final = DESCRIPTOR.services_by_name["Asset"].full_name

_is_own_address: Final = lru_cache(maxsize=64)(is_loopback)


class AssetService:
    """
    The methods of the asset service on *venue*; with AUTH=off for this machine alone.

    A call is a call of the HTTP API in other words: the same rules of who may ask, the same
    reading, the same commands, the same answers.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._gate = Gate(venue.door, venue.limits)
        self._freshness = freshness_of(venue)
        self._derived = Derived.of(venue)
        # Operations count orders in them as the API does; what is told is counted by status.
        self._metrics = Metrics()
        self._answers: Counter[str] = Counter()

    def numbers(self) -> Mapping[str, float]:
        """How many calls were answered, by status."""
        return {f"asset_answers_{status}": count for status, count in self._answers.items()}

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server is given."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            # What comes is read here, by the rules of the service: the library would answer what it
            # cannot read without asking who sent it, and log it as an error of ours.
            {
                name: grpc.unary_unary_rpc_method_handler(
                    partial(self._answer, name, method),
                    response_serializer=method.answered.SerializeToString,
                )
                for name, method in METHODS.items()
            },
        )

    async def _answer(
        self,
        name: str,
        method: Method,
        asked: bytes,
        context: aio.ServicerContext[bytes, Message],
    ) -> Message:
        call = None
        try:
            call = self._read(method, asked, context)
            status, shown = await method.handle(call)
            answer = method.answered()
            fill(answer, shown)
            if isinstance(answer, CreateOrderReply):
                answer.known = status == 200
        except Exception as error:
            # The last resort: whatever went wrong, the client hears whether it was done.
            is_applied = call is not None and call.is_applied
            problem = problem_from(error, "gRPC", name, is_applied=is_applied)
            ending = refused(problem)
            self._answers[ending.code.name.lower()] += 1
            await context.abort(ending.code, ending.text, ending.trailing)
        self._answers["ok"] += 1
        return answer

    def _read(
        self, method: Method, asked: bytes, context: aio.ServicerContext[bytes, Message]
    ) -> Call:
        peer = _host(context.peer())
        if self._gate.is_open and not _is_own_address(peer):
            raise Problem(
                403, "FOREIGN_ADDRESS", "with AUTH=off only this machine is answered; set AUTH"
            )
        asking = read_headers(_headers(context.invocation_metadata() or ()))
        user_id = self._gate.admit((peer, 0), asking, method.scope, is_own=method.is_own)
        given = fields_of(_message(method, asked))
        for field in method.needed:
            if not given.get(field):
                raise Problem(400, "MALFORMED", f"{field} is missing; add it", field=field)
        return Call(
            venue=self._venue,
            freshness=self._freshness,
            metrics=self._metrics,
            derived=self._derived,
            user_id=user_id,
            parameters=convert_fields({} if method.body else given, method.parameters),
            body=convert_fields(given, method.body) if method.body else None,
        )


def _message(method: Method, asked: bytes) -> Message:
    try:
        return method.asked.FromString(asked)
    except DecodeError as error:
        name = method.asked.DESCRIPTOR.name
        raise Problem(400, "MALFORMED", f"the message is no {name}: {error}") from None


def _headers(metadata: Any) -> Iterator[tuple[bytes, bytes]]:
    for key, value in metadata:
        yield key.encode(), value if isinstance(value, bytes) else value.encode()


def _host(peer: str) -> str:
    """The address of who is there: `::1` of `ipv6:%5B::1%5D:1234`."""
    address = unquote(peer).partition(":")[2]
    return address.rpartition(":")[0].removeprefix("[").removesuffix("]")
