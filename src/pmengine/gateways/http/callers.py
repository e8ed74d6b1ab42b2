"""Tells callers who they are here, and what they may do: what a page asks before anything."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from pmengine.gateways.auth import Caller, Scope
from pmengine.gateways.http.operations import Answer, Call, Operation, Reply


class CallerView(Struct, frozen=True, kw_only=True):
    """
    Who asks, and what it may do; `user_id` is null for who does not say who it is.

    With `auth` `off` the header X-User-Id names the user, and everybody may do everything.
    """

    auth: Literal["off", "on"]
    user_id: str | None
    scopes: list[Scope]


async def get_caller(call: Call) -> Reply:
    """Who asks, as the door knows it."""
    caller = call.caller or Caller(user_id="", scopes=frozenset())
    return 200, CallerView(
        auth="off" if call.venue.door.is_open else "on",
        user_id=caller.user_id or None,
        scopes=sorted(caller.scopes),
    )


CALLERS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/caller",
        handle=get_caller,
        name="getCaller",
        says="Who asks, and what it may do; also for who does not say who it is.",
        answers={
            200: Answer(
                CallerView,
                "Who asks.",
                {"auth": "on", "user_id": "u1", "scopes": ["read", "trade"]},
            )
        },
        problems={422: "The header X-User-Id is no id."},
        whoever=True,
    ),
)
