"""Everybody may ask who they are here, and what they may do."""

from __future__ import annotations

from pathlib import Path

from pmengine.gateways.auth import Scope
from tests.gateways.exchange import running_exchange
from tests.gateways.guarded import bearer, becomes, guarded_exchange, problem


async def test_with_auth_off_the_header_names_the_user_and_everybody_may_do_everything(
    tmp_path: Path,
) -> None:
    async with running_exchange(tmp_path) as running:
        named = await running.done("GET", "/caller", user="u7")
        unnamed = await running.done("GET", "/caller", user=None)
        await running.refused(422, "INVALID_ID", "GET", "/caller", user="no id")
    everything = ["admin", "read", "trade"]
    assert named == {"auth": "off", "user_id": "u7", "scopes": everything}
    assert unnamed == {"auth": "off", "user_id": None, "scopes": everything}


async def test_with_auth_on_whoever_shows_something_that_counts_is_told_its_scopes(
    tmp_path: Path,
) -> None:
    async with guarded_exchange(tmp_path) as guarded:
        admin = await guarded.ask("GET", "/caller", bearer(guarded.issuer.token("a1", ["admin"])))
        nobody = await guarded.ask("GET", "/caller", {"X-User-Id": "u1"})
        forged = await guarded.ask("GET", "/caller", bearer("no.good.token"))
        _, key = await guarded.key("u1", Scope.TRADE)
        await becomes(guarded, {"X-API-Key": key}, 200)
        trader = await guarded.ask("GET", "/caller", {"X-API-Key": key})
    assert admin.json() == {"auth": "on", "user_id": "a1", "scopes": ["admin"]}
    assert nobody.json() == {"auth": "on", "user_id": None, "scopes": []}
    assert problem(forged) == (401, "BAD_CREDENTIALS")
    assert trader.json() == {"auth": "on", "user_id": "u1", "scopes": ["trade"]}
