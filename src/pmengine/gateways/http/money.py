"""Money and tokens: what comes, leaves, is split, merged and converted, and what a user holds."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from pmengine.commands import Convert, Deposit, Merge, MergeEvent, Split, SplitEvent, Withdraw
from pmengine.gateways.http.answers import AccountView
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.positions import positions_of
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.reading import parse_id, parse_money, parse_quantity
from pmengine.gateways.http.requests import Conversion, NewDeposit, NewWithdrawal, PairAmount
from pmengine.gateways.http.sending import accepted, valid_until_ms
from pmengine.gateways.http.showing import show_account
from pmstore import BalanceQuery
from pmstore.queries import all as all_of

ROWS_PAGE = 1000


async def get_account(call: Call) -> Reply:
    """What the user holds, and what it cost on average as far as that can be said now."""
    account = await account_of(call, call.user_id)
    try:
        averages = {one.token_id: one.average_price for one in await positions_of(call)}
    except Problem:
        return 200, account
    positions = [
        msgspec.structs.replace(one, average_price=averages.get(one.token_id, UNSET))
        for one in account.positions
    ]
    return 200, msgspec.structs.replace(account, positions=positions)


async def deposit(call: Call) -> Reply:
    """Add money that came from outside to a user's account."""
    body: NewDeposit = call.body
    shard = _shard(call, body.shard)
    command = Deposit(
        id=parse_id(body.id, "id"),
        user_id=parse_id(body.user_id, "user_id"),
        amount=parse_money(body.amount, "amount"),
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command, shard=shard)
    return 200, await account_of(call, command.user_id)


async def withdraw(call: Call) -> Reply:
    """Take own money out; never more than is available."""
    body: NewWithdrawal = call.body
    shard = _shard(call, body.shard)
    command = Withdraw(
        id=parse_id(body.id, "id"),
        user_id=call.user_id,
        amount=parse_money(body.amount, "amount"),
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command, shard=shard)
    return 200, await account_of(call, call.user_id)


async def split(call: Call) -> Reply:
    """Turn own money into shares of both tokens of a market, or of a set, at 1 for all."""
    return await _change_set(call, Split, SplitEvent)


async def merge(call: Call) -> Reply:
    """Turn own shares of both tokens of a market, or of a set, back into money."""
    return await _change_set(call, Merge, MergeEvent)


async def convert(call: Call) -> Reply:
    """Turn own second tokens of some markets into money and first tokens of the others."""
    body: Conversion = call.body
    command = Convert(
        id=parse_id(body.id, "id"),
        user_id=call.user_id,
        event_id=body.event_id,
        market_ids=body.market_ids,
        quantity=parse_quantity(body.amount, "amount"),
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command)
    return 200, await account_of(call, call.user_id)


async def _change_set(
    call: Call, of_market: type[Split | Merge], of_event: type[SplitEvent | MergeEvent]
) -> Reply:
    """Have the pair of a market changed, or without one the first tokens of all."""
    body: PairAmount = call.body
    id = parse_id(body.id, "id")
    quantity = parse_quantity(body.amount, "amount")
    command: Split | Merge | SplitEvent | MergeEvent
    if body.market_id is None:
        command = of_event(
            id=id,
            user_id=call.user_id,
            event_id=body.event_id,
            quantity=quantity,
            valid_until_ms=valid_until_ms(call),
        )
    else:
        command = of_market(
            id=id,
            user_id=call.user_id,
            event_id=body.event_id,
            market_id=body.market_id,
            quantity=quantity,
            valid_until_ms=valid_until_ms(call),
        )
    await accepted(call, command)
    return 200, await account_of(call, call.user_id)


async def account_of(call: Call, user_id: str) -> AccountView:
    """What *user_id* holds, once the stores show all that was told; without average prices."""
    await call.freshness.reached()
    query = BalanceQuery(user_id=user_id, limit=ROWS_PAGE)
    rows = [row async for row in all_of(call.venue.history.accounts, query)]
    return show_account(user_id, rows, call.venue.shards)


def _shard(call: Call, shard: int | None) -> int | None:
    if shard is not None and shard >= call.venue.shards:
        raise Problem(
            422, "MALFORMED", f"there are shards 0 to {call.venue.shards - 1}", field="shard"
        )
    return shard
