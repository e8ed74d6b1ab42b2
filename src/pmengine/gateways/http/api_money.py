"""The operations about money and tokens."""

from __future__ import annotations

from typing import Any, Final

from pmengine.gateways.http import answers, examples, money, requests
from pmengine.gateways.http.operations import Answer, Operation
from pmengine.gateways.http.reasons import NO_USER, READING, WRITING


def _account(says: str) -> dict[int, Answer]:
    return {200: Answer(answers.AccountView, says, examples.ACCOUNT)}


def _money(path: str, handle: Any, name: str, says: str, body: Any, example: Any) -> Operation:
    own = body is not requests.NewDeposit
    return Operation(
        method="POST",
        path=path,
        handle=handle,
        name=name,
        says=says,
        body=body,
        body_example=example,
        answers=_account("The account after it, also when the id was known."),
        problems={**WRITING, **({401: NO_USER} if own else {})},
        user=own,
    )


MONEY: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/account",
        handle=money.get_account,
        name="getAccount",
        says="What the user holds.",
        answers=_account("The account."),
        problems={**READING, 401: NO_USER},
        user=True,
    ),
    _money(
        "/deposits",
        money.deposit,
        "deposit",
        "Add money that came from outside to a user's account (admin).",
        requests.NewDeposit,
        examples.NEW_DEPOSIT,
    ),
    _money(
        "/withdrawals",
        money.withdraw,
        "withdraw",
        "Take own money out.",
        requests.NewWithdrawal,
        examples.NEW_WITHDRAWAL,
    ),
    _money(
        "/splits",
        money.split,
        "split",
        "Turn own money into shares of both tokens of a market, 1 for a pair; or of the first "
        "token of every market of an exclusive event.",
        requests.PairAmount,
        examples.PAIR_AMOUNT,
    ),
    _money(
        "/merges",
        money.merge,
        "merge",
        "Turn own shares of both tokens of a market back into money, 1 for a pair; or of the first "
        "token of every market of an exclusive event.",
        requests.PairAmount,
        examples.PAIR_AMOUNT,
    ),
    _money(
        "/converts",
        money.convert,
        "convert",
        "Turn own shares of the second token of m markets of an exclusive event into m-1 of money "
        "each, and shares of the first token of its other markets.",
        requests.Conversion,
        examples.CONVERSION,
    ),
)
