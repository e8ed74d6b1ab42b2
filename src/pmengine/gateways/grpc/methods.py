"""The methods of the asset service: which operation of the API each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs
from google.protobuf.message import Message

from pmengine.gateways.auth import Scope
from pmengine.gateways.grpc import asset_pb2
from pmengine.gateways.grpc.redeeming import redeem
from pmengine.gateways.http import money, orders
from pmengine.gateways.http.operations import Call, Handler, Reply
from pmengine.gateways.http.requests import (
    MarketPath,
    NewDeposit,
    NewOrder,
    NewWithdrawal,
    NoParameters,
    OrderPath,
    PairAmount,
)


@attrs.frozen(kw_only=True)
class Method:
    """
    One method.

    Args:
        handle: Does it; raises `Problem` for what is not done.
        asked: The message that asks.
        answered: The message that answers.
        scope: What it takes to ask for it.
        body: What the message says, if it is the body of the operation.
        parameters: What it says, if it is the operation's parameters.
        is_own: Whether it concerns the user's own things.
        needed: Fields that must say something here.
    """

    handle: Handler
    asked: type[Message]
    answered: type[Message]
    scope: Scope = Scope.TRADE
    body: Any = None
    parameters: Any = NoParameters
    is_own: bool = True
    needed: tuple[str, ...] = ()


async def _balance(call: Call) -> Reply:
    return 200, await money.account_of(call, call.user_id)


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "Deposit": Method(
            handle=money.deposit,
            asked=asset_pb2.DepositRequest,
            answered=asset_pb2.Account,
            scope=Scope.ADMIN,
            body=NewDeposit,
            is_own=False,
        ),
        "Withdraw": Method(
            handle=money.withdraw,
            asked=asset_pb2.WithdrawRequest,
            answered=asset_pb2.Account,
            body=NewWithdrawal,
        ),
        "CreateOrder": Method(
            handle=orders.place_order,
            asked=asset_pb2.CreateOrderRequest,
            answered=asset_pb2.CreateOrderReply,
            body=NewOrder,
            # Who loses the connection has nothing else to ask again with.
            needed=("client_order_id",),
        ),
        "CancelOrder": Method(
            handle=orders.cancel_order,
            asked=asset_pb2.CancelOrderRequest,
            answered=asset_pb2.CancelOrderReply,
            parameters=OrderPath,
        ),
        "Split": Method(
            handle=money.split,
            asked=asset_pb2.PairRequest,
            answered=asset_pb2.Account,
            body=PairAmount,
        ),
        "Merge": Method(
            handle=money.merge,
            asked=asset_pb2.PairRequest,
            answered=asset_pb2.Account,
            body=PairAmount,
        ),
        "Redeem": Method(
            handle=redeem,
            asked=asset_pb2.RedeemRequest,
            answered=asset_pb2.RedeemReply,
            scope=Scope.READ,
            parameters=MarketPath,
        ),
        "Balance": Method(
            handle=_balance,
            asked=asset_pb2.BalanceRequest,
            answered=asset_pb2.Account,
            scope=Scope.READ,
        ),
    }
)
