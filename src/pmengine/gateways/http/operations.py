"""What an operation of the API is: one method of one path, declared once for routes and OpenAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
import msgspec

from pmengine.gateways.auth import Caller, Scope
from pmengine.gateways.http.derived import Derived
from pmengine.gateways.http.freshness import Freshness
from pmengine.gateways.http.metrics import Metrics
from pmengine.gateways.http.requests import NoParameters
from pmengine.gateways.venue import Venue


@attrs.define(kw_only=True)
class Call:
    """
    One request, read: who asks, the parameters and the body as their schemas say.

    `caller` is there where an operation asks for `whoever` it is. `is_applied` is set when its
    command was accepted: what fails after that must not sound as if nothing had been done.
    """

    venue: Venue
    freshness: Freshness
    metrics: Metrics
    derived: Derived
    user_id: str
    parameters: Any
    body: Any
    caller: Caller | None = None
    is_applied: bool = False


Reply = tuple[int, msgspec.Struct]
"""Status and body of an answer."""

Handler = Callable[[Call], Awaitable[Reply]]


@attrs.frozen
class Answer:
    """
    One way in which an operation answers, with an example of the body.

    `links` says which operations take what it answers: name -> parameter -> where it is.
    """

    body: Any
    says: str
    example: Any
    links: Mapping[str, Mapping[str, str]] = attrs.Factory(dict)


@attrs.frozen(kw_only=True)
class Operation:
    """
    One method of one path.

    Args:
        path: With parameters in braces; under the API's prefix unless `outside`.
        handle: Does it; raises `Problem` for what is not done.
        name: Unique; the `operationId`.
        says: What it does, in one sentence.
        answers: By status; problems are described by `problems`.
        problems: Status -> when it is answered.
        user: Whether the request must name its user.
        admin: Whether it is for admins alone though it changes nothing.
        whoever: Whether it is for everybody and told who asks, whatever that one may do.
        weight: For how many requests of its user a body counts; unset, for one.
    """

    method: str
    path: str
    handle: Handler
    name: str
    says: str
    answers: Mapping[int, Answer]
    problems: Mapping[int, str] = attrs.Factory(dict)
    parameters: Any = NoParameters
    body: Any = None
    body_example: Any = None
    user: bool = False
    outside: bool = False
    admin: bool = False
    whoever: bool = False
    weight: Callable[[Any], int] | None = None

    @property
    def scope(self) -> Scope | None:
        """
        What it takes to ask for it; None if everybody may.

        What changes something that is nobody's own is for admins alone.
        """
        if self.admin:
            return Scope.ADMIN
        if self.method == "GET":
            return Scope.READ if self.user else None
        return Scope.TRADE if self.user else Scope.ADMIN
