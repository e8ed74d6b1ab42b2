"""Clients of the asset service, generated from its `.proto` as anybody's would be."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode, aio
from grpc_tools import protoc

from pmengine.gateways.grpc import AssetService, serving_asset
from tests.gateways.exchange import Running, venue_of

PROTO = Path(__file__).parents[2] / "proto"
ANSWER_S_MAX = 60.0


@lru_cache(maxsize=1)
def generated() -> tuple[Any, Any]:
    """The messages and the stubs that the tool makes."""
    with tempfile.TemporaryDirectory(prefix="asset-") as folder:
        words = ["protoc", f"-I{PROTO}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
        assert protoc.main([*words, "asset.proto"]) == 0
        sys.path.insert(0, folder)
        try:
            return importlib.import_module("asset_pb2"), importlib.import_module("asset_pb2_grpc")
        finally:
            sys.path.remove(folder)


messages, stubs = generated()


def order(client_order_id: str, **fields: Any) -> Any:
    """A limit order to buy one y1 at 0.5, but for *fields*; None leaves one out."""
    said = {
        "client_order_id": client_order_id,
        "event_id": 1,
        "market_id": 1,
        "token_id": "y1",
        "side": messages.SIDE_BUY,
        "type": messages.ORDER_TYPE_LIMIT,
        "price": "0.5",
        "quantity": "1",
        **fields,
    }
    given = {name: value for name, value in said.items() if value is not None}
    return messages.CreateOrderRequest(**given)


@attrs.frozen
class Ending:
    """How a call ended that was not done; `reason` is empty if the library itself says so."""

    code: StatusCode
    reason: str
    metadata: dict[str, str]
    wait_s: int | None


def ending_of(error: aio.AioRpcError) -> Ending:
    """What the status of a call and its details say."""
    packed = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    if packed is None:
        return Ending(error.code(), "", {}, None)
    assert isinstance(packed, bytes)
    status = Status.FromString(packed)
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    info, retry = ErrorInfo(), RetryInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "pmengine"
    is_timed = len(status.details) > 1 and status.details[1].Unpack(retry)
    wait_s = retry.retry_delay.seconds if is_timed else None
    return Ending(error.code(), info.reason, dict(info.metadata), wait_s)


async def refused(call: Awaitable[Any], code: StatusCode, reason: str) -> Ending:
    """How *call* ends, which must not be done."""
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    ending = ending_of(caught.value)
    assert (ending.code, ending.reason) == (code, reason), caught.value.details()
    return ending


class User:
    """Calls of somebody, by the names of the methods: `await u1.Balance()`."""

    def __init__(self, channel: aio.Channel, **shown: str) -> None:
        self._stub = stubs.AssetStub(channel)
        self._shown = tuple((name.replace("_", "-"), value) for name, value in shown.items())

    async def ask(self, method: str, message: Any, timeout_s: float = ANSWER_S_MAX) -> Any:
        """One call."""
        call = getattr(self._stub, method)
        return await call(message, metadata=self._shown, timeout=timeout_s)

    async def deposit(self, id: str, user_id: str, amount: str) -> Any:
        request = messages.DepositRequest(id=id, user_id=user_id, amount=amount)
        return await self.ask("Deposit", request)

    async def withdraw(self, id: str, amount: str) -> Any:
        return await self.ask("Withdraw", messages.WithdrawRequest(id=id, amount=amount))

    async def split(self, id: str, amount: str, market_id: int | None = 1) -> Any:
        request = messages.PairRequest(id=id, event_id=1, market_id=market_id, amount=amount)
        return await self.ask("Split", request)

    async def merge(self, id: str, amount: str, market_id: int | None = 1) -> Any:
        request = messages.PairRequest(id=id, event_id=1, market_id=market_id, amount=amount)
        return await self.ask("Merge", request)

    async def create(self, client_order_id: str, **fields: Any) -> Any:
        return await self.ask("CreateOrder", order(client_order_id, **fields))

    async def cancel(self, order_id: str) -> Any:
        return await self.ask("CancelOrder", messages.CancelOrderRequest(order_id=order_id))

    async def redeem(self, market_id: int = 1, event_id: int = 1) -> Any:
        request = messages.RedeemRequest(event_id=event_id, market_id=market_id)
        return await self.ask("Redeem", request)

    async def balance(self) -> Any:
        return await self.ask("Balance", messages.BalanceRequest())


@attrs.define
class Asset:
    """The asset service of an exchange that runs, and its users with AUTH=off."""

    running: Running
    service: AssetService
    channel: aio.Channel
    target: str

    def user(self, user_id: str) -> User:
        """Somebody of that name."""
        return User(self.channel, x_user_id=user_id)


@asynccontextmanager
async def asset_of(running: Running, **options: Any) -> AsyncIterator[Asset]:
    """The asset service of *running*; *options* are of its venue."""
    service = AssetService(venue_of(running.exchange, **options))
    async with (
        serving_asset(service, "127.0.0.1", 0) as target,
        aio.insecure_channel(target) as channel,
    ):
        yield Asset(running, service, channel, target)
