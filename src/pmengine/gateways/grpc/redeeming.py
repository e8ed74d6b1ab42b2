"""What became of own shares in a resolved market, whose holders the engine pays by itself."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from pmengine.gateways.http.answers import AccountView
from pmengine.gateways.http.lookup import find_market
from pmengine.gateways.http.money import account_of
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.requests import MarketPath, PayoutText
from pmengine.gateways.http.showing import show_price
from pmstore import MarketState


class TokenPayout(Struct, frozen=True, kw_only=True):
    token_id: str
    payout: PayoutText


class Redeemed(Struct, frozen=True, kw_only=True):
    """`paid` once the user has no share of the market any more."""

    account: AccountView
    state: Literal["resolved", "void"]
    payouts: list[TokenPayout]
    paid: bool


async def redeem(call: Call) -> Reply:
    """
    What a share of each token is worth, and whether the user was paid.

    Raises:
        Problem: There is no such market (404), or it is not resolved (409).
    """
    path: MarketPath = call.parameters
    market = await find_market(call.venue.history, call.freshness, path.event_id, path.market_id)
    if market.payouts is None:
        detail = "the market is not resolved; when it is, holders are paid without asking"
        raise Problem(409, "MARKET_NOT_RESOLVED", detail)
    # After the market: who is shown as paid must not be shown without the payment.
    account = await account_of(call, call.user_id)
    held = {one.token_id for one in account.positions}
    state: Literal["resolved", "void"] = "void" if market.state is MarketState.VOID else "resolved"
    return 200, Redeemed(
        account=account,
        state=state,
        payouts=[
            TokenPayout(token_id=token_id, payout=show_price(payout))
            for token_id, payout in zip(market.token_ids, market.payouts, strict=True)
        ],
        paid=held.isdisjoint(market.token_ids),
    )
