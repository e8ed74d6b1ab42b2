"""Money and pairs of tokens: what comes, leaves, is split and merged, and what a user holds."""

from __future__ import annotations

from pmengine.commands import Deposit, Merge, Split, Withdraw
from pmengine.gateways.http.answers import AccountView
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.reading import parse_id, parse_money, parse_quantity
from pmengine.gateways.http.requests import NewDeposit, NewWithdrawal, PairAmount
from pmengine.gateways.http.sending import accepted, valid_until_ms
from pmengine.gateways.http.showing import show_account
from pmstore import BalanceQuery
from pmstore.queries import all as all_of

ROWS_PAGE = 1000


async def get_account(call: Call) -> Reply:
    """What the user holds."""
    return 200, await _account(call, call.user_id)


async def deposit(call: Call) -> Reply:
    """Add money that came from outside to a user's account."""
    body: NewDeposit = call.body
    command = Deposit(
        id=parse_id(body.id, "id"),
        user_id=parse_id(body.user_id, "user_id"),
        amount=parse_money(body.amount, "amount"),
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command)
    return 200, await _account(call, command.user_id)


async def withdraw(call: Call) -> Reply:
    """Take own money out; never more than is available."""
    body: NewWithdrawal = call.body
    command = Withdraw(
        id=parse_id(body.id, "id"),
        user_id=call.user_id,
        amount=parse_money(body.amount, "amount"),
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command)
    return 200, await _account(call, call.user_id)


async def split(call: Call) -> Reply:
    """Turn own money into shares of both tokens of a market, at 1 for a pair."""
    body: PairAmount = call.body
    command = Split(
        id=parse_id(body.id, "id"),
        user_id=call.user_id,
        event_id=body.event_id,
        market_id=body.market_id,
        quantity=parse_quantity(body.amount, "amount"),
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command)
    return 200, await _account(call, call.user_id)


async def merge(call: Call) -> Reply:
    """Turn own shares of both tokens of a market back into money."""
    body: PairAmount = call.body
    command = Merge(
        id=parse_id(body.id, "id"),
        user_id=call.user_id,
        event_id=body.event_id,
        market_id=body.market_id,
        quantity=parse_quantity(body.amount, "amount"),
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command)
    return 200, await _account(call, call.user_id)


async def _account(call: Call, user_id: str) -> AccountView:
    await call.freshness.reached()
    query = BalanceQuery(user_id=user_id, limit=ROWS_PAGE)
    rows = [row async for row in all_of(call.venue.history.accounts, query)]
    return show_account(user_id, rows)
