"""The asset service lets in whom the API lets in, and nobody does what is not theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from grpc import StatusCode, aio

from pmengine.gateways.auth import Scope
from pmengine.gateways.grpc import AssetService, serving_asset
from pmengine.processes.entrance import open_entrance
from pmengine.processes.key_desk import revoke_key
from pmengine.settings import Settings
from pmstore import SettingsError
from pmstore.settings import read_settings
from tests.gateways.asset_client import User, refused
from tests.gateways.exchange import venue_of
from tests.gateways.guarded import HEARD_S_MAX, Guarded, guarded_exchange

NO_USER = (StatusCode.UNAUTHENTICATED, "NO_USER")
BEYOND = (StatusCode.PERMISSION_DENIED, "SCOPE_MISSING")


@attrs.define
class Door:
    """The asset service of a guarded exchange."""

    guarded: Guarded
    channel: aio.Channel

    def shows(self, **shown: str) -> User:
        """Somebody who shows this in metadata."""
        return User(self.channel, **shown)

    def bearer(self, user: str, *scopes: Scope, **claims: Any) -> User:
        """Somebody with a token."""
        token = self.guarded.issuer.token(user, scopes or tuple(Scope), **claims)
        return self.shows(authorization=f"Bearer {token}")


@asynccontextmanager
async def door(folder: Path, **told: str) -> AsyncIterator[Door]:
    async with guarded_exchange(folder, **told) as guarded:
        await guarded.open_market("u1", "u2")
        async with open_entrance(guarded.settings) as entrance:
            venue = venue_of(guarded.exchange, door=entrance.door, limits=entrance.limits)
            async with (
                serving_asset(AssetService(venue), "127.0.0.1", 0) as target,
                aio.insecure_channel(target) as channel,
            ):
                yield Door(guarded, channel)


async def becomes(user: User, code: StatusCode) -> None:
    """Wait until the balance is answered with *code*, as keys are heard of."""
    async with asyncio.timeout(HEARD_S_MAX):
        while await code_of(user) is not code:
            await asyncio.sleep(0.02)


async def code_of(user: User) -> StatusCode:
    try:
        await user.balance()
    except aio.AioRpcError as error:
        return error.code()
    return StatusCode.OK


async def test_tokens_and_keys_count_and_nothing_else(tmp_path: Path) -> None:
    async with door(tmp_path) as asset:
        assert (await asset.bearer("u1").balance()).user_id == "u1"
        key_id, text = await asset.guarded.key("u2", Scope.READ)
        by_key = asset.shows(x_api_key=text)
        await becomes(by_key, StatusCode.OK)
        assert (await by_key.balance()).user_id == "u2"
        await refused(asset.shows().balance(), *NO_USER)
        await refused(asset.shows(x_user_id="u1").balance(), *NO_USER)
        for shown in (
            {"authorization": "Bearer nothing"},
            {"authorization": "Basic dTE6"},
            {"x_api_key": "pmk_nothing"},
            {"authorization": f"Bearer {asset.guarded.issuer.token('u1', exp=1)}"},
        ):
            with pytest.raises(aio.AioRpcError) as caught:
                await asset.shows(**shown).balance()
            assert caught.value.code() is StatusCode.UNAUTHENTICATED
            assert "nothing" not in str(caught.value.details())
        await revoke_key(asset.guarded.settings, key_id)
        await becomes(by_key, StatusCode.UNAUTHENTICATED)


Ask = Callable[[User], Awaitable[Any]]
READS: list[Ask] = [lambda user: user.balance()]
TRADES: list[Ask] = [
    lambda user: user.withdraw("w1", "1"),
    lambda user: user.split("s1", "1"),
    lambda user: user.merge("m1", "1"),
    lambda user: user.create("c1"),
    lambda user: user.cancel("o1"),
]
ADMINISTERS: list[Ask] = [lambda user: user.deposit("d1", "u1", "1")]


async def test_each_method_takes_its_scope(tmp_path: Path) -> None:
    async with door(tmp_path) as asset:
        reader, trader, admin = (asset.bearer("u1", scope) for scope in Scope)
        for ask in [*TRADES, *ADMINISTERS]:
            await refused(ask(reader), *BEYOND)
        for ask in ADMINISTERS:
            await refused(ask(trader), *BEYOND)
        for ask in [*READS, *TRADES, lambda user: user.redeem()]:
            await refused(ask(admin), *BEYOND)
        await reader.balance()
        await refused(reader.redeem(), StatusCode.FAILED_PRECONDITION, "MARKET_NOT_RESOLVED")
        await trader.create("c1")
        assert (await admin.deposit("d1", "u2", "1")).cash.available == "1001"


async def test_nobody_cancels_an_order_of_another_user(tmp_path: Path) -> None:
    async with door(tmp_path) as asset:
        placed = await asset.bearer("u1").create("c1")
        call = asset.bearer("u2").cancel(placed.order.id)
        await refused(call, StatusCode.NOT_FOUND, "NOT_OWNER")
        assert (await asset.bearer("u1").balance()).cash.frozen == "0.5"


async def test_who_asks_too_much_is_told_how_long_to_wait(tmp_path: Path) -> None:
    told = {"API_RATE_PER_USER": "1", "API_BURST_PER_USER": "5"}
    async with door(tmp_path, **told) as asset:
        user = asset.bearer("u1")
        calls = await asyncio.gather(*[user.balance() for _ in range(50)], return_exceptions=True)
        failed = [one for one in calls if isinstance(one, aio.AioRpcError)]
        assert failed
        assert {one.code() for one in failed} == {StatusCode.RESOURCE_EXHAUSTED}
        ending = await refused(
            _until_refused(user), StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_REQUESTS"
        )
        assert ending.wait_s is not None
        assert ending.wait_s >= 1
        assert (await asset.bearer("u2").balance()).user_id == "u2"


async def _until_refused(user: User) -> None:
    while True:
        await asyncio.gather(*[user.balance() for _ in range(20)])


def test_without_auth_it_listens_to_this_machine_alone() -> None:
    environ = {"ASSET_HOST": "0.0.0.0"}
    with pytest.raises(SettingsError, match="ASSET_HOST"):
        read_settings(Settings, environ=environ)
    environ |= {"AUTH": "jwt", "JWT_SECRET": "s" * 32}
    assert read_settings(Settings, environ=environ).asset_host == "0.0.0.0"


async def test_bytes_that_are_no_message_are_refused_by_who_sends_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with door(tmp_path) as asset:
        whoever = asset.channel.unary_unary("/pmengine.asset.v1.Asset/CreateOrder")
        token = asset.guarded.issuer.token("u1", tuple(Scope))
        for bad in (b"\xff\xff\xff", b"\x0a\x01\xff"):  # no fields; an id that is no UTF-8
            await refused(whoever(bad), *NO_USER)
            call = whoever(bad, metadata=(("authorization", f"Bearer {token}"),))
            await refused(call, StatusCode.INVALID_ARGUMENT, "MALFORMED")
    assert caplog.records == []
