"""Several new orders in one request, sent until each of them has an answer of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import attrs

from pmengine.client.amounts import to_text
from pmengine.client.errors import (
    ClientError,
    DoneNotShown,
    Ids,
    OutcomeUnknown,
    Refused,
    UnreadableAnswer,
)
from pmengine.client.orders import NewOrder, Order, PlacedOrder, Trade
from pmengine.client.problems import DONE, Problem
from pmengine.client.requests import Repeat, Request, said
from pmengine.client.transport import PREFIX, Transport, pauses

BATCH_MAX: Final = 100
_AMOUNTS: Final = ("price", "quantity", "volume")


@attrs.frozen(kw_only=True)
class _Answer:
    status: int
    order: Order | None = None
    trades: tuple[Trade, ...] = ()
    problem: Problem | None = None


@attrs.frozen(kw_only=True)
class _Answers:
    items: tuple[_Answer, ...]


def order_body(order: NewOrder) -> dict[str, Any]:
    """*order* as the API takes it."""
    fields = attrs.asdict(order)
    for name in _AMOUNTS:
        if fields[name] is not None:
            fields[name] = to_text(fields[name])
    return said(fields)


async def place_batch(
    transport: Transport, orders: Sequence[NewOrder], deadline_s: float | None
) -> list[PlacedOrder | ClientError]:
    """
    Place *orders* one after the other; what became of each, in their order.

    Those that have no final answer are sent again with their ids until the deadline.

    Raises:
        ClientError: Of the request as a whole, before any of them was answered.
    """
    if not 1 <= len(orders) <= BATCH_MAX:
        raise ValueError(f"a batch has {len(orders)} orders; it takes 1 to {BATCH_MAX}")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + (transport.deadline_s if deadline_s is None else deadline_s)
    found: dict[int, PlacedOrder | ClientError] = {}
    waiting = list(range(len(orders)))
    for pause_s in pauses():
        try:
            answers = await _ask(
                transport, [orders[index] for index in waiting], deadline - loop.time()
            )
        except ClientError:
            if not found:
                raise
            break
        for index, answer in zip(waiting, answers, strict=True):
            found[index] = _outcome(orders[index], answer)
        waiting = [index for index in waiting if _is_open(found[index])]
        if not waiting or loop.time() + pause_s >= deadline:
            break
        await asyncio.sleep(pause_s)
    return [found[index] for index in range(len(orders))]


async def _ask(
    transport: Transport, orders: Sequence[NewOrder], deadline_s: float
) -> tuple[_Answer, ...]:
    request = Request(
        method="POST",
        path=f"{PREFIX}/orders/batch",
        answer=_Answers,
        repeat=Repeat.SAME_ID,
        body={"orders": [order_body(order) for order in orders]},
    )
    answers = await transport.ask(request, deadline_s)
    if len(answers.items) != len(orders):
        raise UnreadableAnswer(f"{len(orders)} orders were answered {len(answers.items)} times")
    return answers.items


def _is_open(outcome: PlacedOrder | ClientError) -> bool:
    return isinstance(outcome, ClientError) and outcome.retryable


def _outcome(order: NewOrder, answer: _Answer) -> PlacedOrder | ClientError:
    ids = Ids(client_order_id=order.client_order_id)
    if answer.order is not None:
        return PlacedOrder(order=answer.order, trades=answer.trades)
    if answer.problem is None:
        return UnreadableAnswer(f"{answer.status} has neither an order nor a problem")
    code, detail = answer.problem.code, answer.problem.detail
    if code in DONE:
        return DoneNotShown(answer.status, code, detail)
    if answer.status >= 500:
        # Not taken (503) says nothing of an earlier copy that had no answer.
        ids = attrs.evolve(ids, order_id=answer.problem.order_id)
        return OutcomeUnknown(f"{answer.status} {code}: {detail}", ids)
    return Refused(answer.status, code, detail, field=answer.problem.field)
