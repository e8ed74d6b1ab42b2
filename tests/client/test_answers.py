"""Whatever answers, the client says exactly what is known, and nothing more."""

from __future__ import annotations

import json
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from pmengine.client import (
    Client,
    ClientError,
    DoneNotShown,
    OutcomeUnknown,
    Refused,
    Unavailable,
    UnreadableAnswer,
)
from tests.client.orders import buy
from tests.client.scripted import CUT, Canned, page, problem, scripted

NOT_TAKEN = problem(503, "NOT_TAKEN")
UNKNOWN = problem(504, "OUTCOME_UNKNOWN", order_id="o1")
NOT_SHOWN = problem(504, "DONE_NOT_SHOWN")
NOT_KEPT = problem(410, "ORDER_NOT_KEPT")
EXPIRED = problem(401, "BAD_CREDENTIALS")
REFUSED = problem(422, "INVALID_PRICE")
ENDED = problem(409, "UNKNOWN_ORDER")
BUSY = page(503, "<h1>busy</h1>")
NO_PAGE = page(404, "<h1>not found</h1>")

PLACED: list[tuple[list[Canned], type[ClientError]]] = [
    ([NOT_TAKEN], Unavailable),
    ([REFUSED], Refused),
    ([CUT], OutcomeUnknown),
    ([UNKNOWN, CUT], OutcomeUnknown),
    ([CUT, NOT_TAKEN], OutcomeUnknown),
    ([CUT, EXPIRED], OutcomeUnknown),
    ([CUT, REFUSED], Refused),
    ([NOT_SHOWN, CUT], DoneNotShown),
    ([NOT_SHOWN, NOT_TAKEN], DoneNotShown),
    ([CUT, NOT_KEPT], DoneNotShown),
    ([BUSY], OutcomeUnknown),
    ([NO_PAGE], UnreadableAnswer),
    ([page(200, "<h1>welcome</h1>")], UnreadableAnswer),
    ([page(200, "{}")], UnreadableAnswer),
]


def names(case: Any) -> str:
    answers, error = case
    return "-".join([*(str(one.status) for one in answers), error.__name__])


@pytest.mark.parametrize("case", PLACED, ids=names)
async def test_what_is_known_of_an_order(case: tuple[list[Canned], type[ClientError]]) -> None:
    answers, wanted = case
    order = buy()
    async with (
        scripted(answers) as server,
        Client(server.url, user_id="u1", deadline_s=1) as client,
    ):
        with pytest.raises(wanted) as raised:
            await client.place(order)
    assert type(raised.value) is wanted
    if isinstance(raised.value, OutcomeUnknown):
        assert raised.value.client_order_id == order.client_order_id
        assert raised.value.order_id == ("o1" if UNKNOWN in answers else None)
    sent = {json.loads(body)["client_order_id"] for body in server.bodies}
    assert sent == {order.client_order_id}


async def test_a_refusal_because_the_first_was_done_is_no_refusal() -> None:
    async with (
        scripted([CUT, ENDED]) as server,
        Client(server.url, user_id="u1", deadline_s=5) as client,
    ):
        with pytest.raises(OutcomeUnknown) as raised:
            await client.amend("o7", quantity=1)
    assert raised.value.order_id == "o7"
    assert raised.value.refusal is not None
    assert raised.value.refusal.code == "UNKNOWN_ORDER"


async def test_what_was_done_is_not_said_again_without_an_id() -> None:
    async with (
        scripted([NOT_SHOWN]) as server,
        Client(server.url, user_id="u1", deadline_s=5) as client,
    ):
        with pytest.raises(DoneNotShown):
            await client.pause()
    assert len(server.bodies) == 1


@pytest.mark.parametrize("answer", [CUT, BUSY, UNKNOWN, NOT_TAKEN], ids=lambda one: str(one.status))
async def test_a_question_has_no_unknown_outcome(answer: Canned) -> None:
    async with (
        scripted([answer]) as server,
        Client(server.url, user_id="u1", deadline_s=0.3) as client,
    ):
        with pytest.raises(Unavailable):
            await client.account()


async def test_a_walk_through_a_ranking_that_is_kept_no_longer_is_refused() -> None:
    first = page(200, '{"items":[],"next":"more"}')
    async with (
        scripted([first, problem(410, "CURSOR_EXPIRED")]) as server,
        Client(server.url, user_id="u1", deadline_s=5) as client,
    ):
        with pytest.raises(Refused) as raised:
            [one async for one in client.events(sort="volume")]
    assert (raised.value.status, raised.value.code) == (410, "CURSOR_EXPIRED")


async def test_a_wait_beyond_the_deadline_is_told_at_once() -> None:
    for said in ("3600", formatdate(time() + 3600, usegmt=True)):
        async with (
            scripted([problem(429, "TOO_MANY_REQUESTS", f"Retry-After: {said}")]) as server,
            Client(server.url, user_id="u1", deadline_s=60) as client,
        ):
            with pytest.raises(Refused) as raised:
                await client.place(buy())
        assert raised.value.retry_after_s == pytest.approx(3600, abs=60)
        assert len(server.bodies) == 1
