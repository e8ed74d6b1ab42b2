"""Several new orders in one request: each is judged, and answered, on its own."""

from __future__ import annotations

from typing import Final

from pmengine.commands import SubmitOrder
from pmengine.gateways.http.answers import BatchAnswer, BatchAnswers
from pmengine.gateways.http.failures import problem_from
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.order_terms import submission
from pmengine.gateways.http.orders import placed, repeated
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.requests import NewOrder, OrderBatch
from pmengine.gateways.http.sending import refused, send_all
from pmengine.services.front import Answer

_PATH: Final = "/api/v1/orders/batch"


async def place_orders(call: Call) -> Reply:
    """Place orders one after the other, nobody else's between them; answer each."""
    batch: OrderBatch = call.body
    judged = [_read(call, body) for body in batch.orders]
    commands = [one for one in judged if isinstance(one, SubmitOrder)]
    answers = await send_all(call, commands) if commands else []
    if len(answers) == len(judged) and all(map(_is_undone, answers)):
        raise next(one for one in answers if isinstance(one, Problem))
    outcomes = iter(answers)
    items = [
        await _answer(call, one if isinstance(one, Problem) else next(outcomes)) for one in judged
    ]
    return 200, BatchAnswers(items=items)


def _is_undone(answer: Answer | Problem) -> bool:
    return isinstance(answer, Problem) and answer.status == 503


def _read(call: Call, body: NewOrder) -> SubmitOrder | Problem:
    try:
        return submission(call, body)
    except Problem as problem:
        return problem


async def _answer(call: Call, outcome: Answer | Problem) -> BatchAnswer:
    is_applied = isinstance(outcome, Answer) and outcome.refusal is None
    try:
        if isinstance(outcome, Problem):
            raise outcome
        if outcome.refusal is not None:
            raise refused(outcome.refusal)
        if outcome.order is None:
            status, found = 200, await repeated(call, outcome.answered.order_id)
        else:
            status, found = 201, placed(outcome.order, outcome.trades)
    except Exception as error:
        # One that cannot be shown must not take the answers of all others with it.
        problem = problem_from(error, "POST", _PATH, is_applied=is_applied)
        call.metrics.order(problem.code)
        return BatchAnswer(status=problem.status, problem=problem.details())
    call.metrics.order("accepted" if status == 201 else "repeated")
    return BatchAnswer(status=status, order=found.order, trades=found.trades)
