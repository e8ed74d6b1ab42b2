"""Sends a command for a request and turns what is not an acceptance into a problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from pmengine.commands import Command, SubmitOrder
from pmengine.facts import Refusal
from pmengine.gateways.http.operations import Call
from pmengine.gateways.http.problems import Problem
from pmengine.services.events import Unfinished
from pmengine.services.front import Answer, NotAccepting, NotTaken, OutcomeUnknown
from pmstore import StoreClosed, StoreUnavailable, WriteOutcome

VALID_FOR_MS: Final = 3_600_000
"""How long a command is valid that names no time of its own."""

_AGAIN: Final = {b"retry-after": b"1"}
_logger = structlog.get_logger("pmengine.http")


async def send(
    call: Call,
    command: Command,
    *,
    listing: bool = False,
    shard: int | None = None,
    order_id: str | None = None,
    client_order_id: str | None = None,
) -> Answer:
    """
    The outcome of *command*, refusals included; later questions will see it.

    Raises:
        Problem: It was not applied (503), or nobody knows (504, with the ids of the order).
    """
    try:
        answer = await call.venue.front.send(
            command, call.venue.answer_timeout_s, listing=listing, shard=shard
        )
    except (NotTaken, OutcomeUnknown, StoreClosed, StoreUnavailable) as error:
        raise lacking(error, order_id, client_order_id) from None
    for one in (answer, *answer.others):
        call.freshness.told(one.number, one.shard)
    call.is_applied = answer.refusal is None
    return answer


async def send_all(call: Call, commands: Sequence[SubmitOrder]) -> list[Answer | Problem]:
    """The outcome of each of *commands*, refusals included; they are taken in this order."""
    outcomes = await call.venue.front.send_all(commands, call.venue.answer_timeout_s)
    answers: list[Answer | Problem] = []
    for command, outcome in zip(commands, outcomes, strict=True):
        if isinstance(outcome, Answer):
            for one in (outcome, *outcome.others):
                call.freshness.told(one.number, one.shard)
            answers.append(outcome)
        else:
            answers.append(lacking(outcome, command.order_id, command.client_order_id))
    return answers


async def accepted(
    call: Call, command: Command, *, listing: bool = False, shard: int | None = None
) -> Answer:
    """
    The outcome of *command*, once the stores show it.

    Raises:
        Problem: As for `send`; it was refused (422); the stores are behind (503).
    """
    answer = await send(call, command, listing=listing, shard=shard)
    if answer.refusal is not None:
        raise refused(answer.refusal)
    await call.freshness.reached()
    return answer


def valid_until_ms(call: Call) -> int:
    """Until when a command is valid whose client says nothing of it."""
    return call.venue.clock() + VALID_FOR_MS


def refused(refusal: Refusal, status: int = 422) -> Problem:
    """A refusal of the engine as it is told to the client."""
    return Problem(status, refusal.name, refusal.text)


def lacking(error: Exception, order_id: str | None, client_order_id: str | None) -> Problem:
    """Why there is no outcome: nothing was done (503), or nobody knows (504)."""
    if isinstance(error, Unfinished):
        return _unknown(str(error), order_id, client_order_id)
    if isinstance(error, NotAccepting):
        detail = f"the exchange takes nothing new: {error}. Nothing was done, send it again later"
        return Problem(503, "NOT_ACCEPTING", detail, headers=_AGAIN)
    if isinstance(error, NotTaken):
        return _not_taken(str(error))
    if isinstance(error, OutcomeUnknown):
        return _unknown(str(error), order_id, client_order_id)
    if not isinstance(error, StoreClosed | StoreUnavailable):
        raise error
    # An outage is in the log once, by who follows the streams; this would be a line an order.
    _logger.debug("input_unavailable", reason=str(error), outcome=error.outcome.value)
    if error.outcome is WriteOutcome.NOT_APPLIED:
        return _not_taken("the input did not take the command")
    return _unknown("the input did not answer", order_id, client_order_id)


def _not_taken(reason: str) -> Problem:
    return Problem(503, "NOT_TAKEN", f"{reason}; nothing was done, send it again", headers=_AGAIN)


def _unknown(reason: str, order_id: str | None, client_order_id: str | None) -> Problem:
    return Problem(
        504,
        "OUTCOME_UNKNOWN",
        f"{reason}: it was neither accepted nor refused as far as is known; send the same "
        "request with the same ids again, which does nothing twice",
        order_id=order_id,
        client_order_id=client_order_id,
    )
