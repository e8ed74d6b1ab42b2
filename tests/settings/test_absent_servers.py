"""A durable mode does not start without its server, unless it is named optional."""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import pmstore
from pmstore.testing import samples
from pmstore.testing.servers import PostgresServer, RedisServer


def postgres_settings(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "DATABASE_ENABLED": "true",
        "DATABASE_HOST": parts.hostname or "",
        "DATABASE_PORT": str(parts.port),
        "DATABASE_USER": parts.username or "",
        "DATABASE_PASSWORD": parts.password or "",
        "DATABASE_NAME": parts.path.removeprefix("/"),
    }


def redis_settings(server: RedisServer) -> dict[str, str]:
    return {
        "REDIS_ENABLED": "true",
        "REDIS_HOST": server.host,
        "REDIS_PORT": str(server.port),
        "REDIS_MIN_IDLE_CONNS": "1",
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {"DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def stopped_postgres(tmp_path: Path) -> str:
    with PostgresServer(tmp_path / "pg") as server:
        return server.url


async def test_without_its_database_a_durable_mode_does_not_start(
    folder: dict[str, str], stopped_postgres: str
) -> None:
    environ = folder | postgres_settings(stopped_postgres)
    with pytest.raises(pmstore.StoreUnavailable):
        async with pmstore.open_stores(environ=environ):
            pytest.fail("it must not start")


async def test_an_optional_database_may_be_absent_and_that_is_said_loudly(
    folder: dict[str, str], stopped_postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    environ = folder | postgres_settings(stopped_postgres) | {"DATABASE_OPTIONAL": "true"}
    async with pmstore.open_stores(environ=environ) as stores:
        assert stores.absent == ("DATABASE",)
        assert str(stores.settings.orders) == "memory://"
        await stores.orders.save([samples.order(1)])
    told = [one for one in caplog.records if one.levelno == logging.CRITICAL]
    assert any("DATABASE_OPTIONAL=true: starting WITHOUT" in one.getMessage() for one in told)
    password = environ["DATABASE_PASSWORD"]
    assert all(password not in one.getMessage() for one in told)


async def test_an_optional_redis_may_be_absent_while_the_database_is_not(
    folder: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path / "redis") as stopped:
        environ = folder | redis_settings(stopped) | {"REDIS_OPTIONAL": "true"}
    with PostgresServer(tmp_path / "pg") as server:
        environ |= postgres_settings(server.url)
        async with pmstore.open_stores(environ=environ) as stores:
            assert stores.absent == ("REDIS",)
            await stores.orders.save([samples.order(1)])
            await (await stores.open_stream("store_stream")).append([b"x"])
        assert "REDIS_OPTIONAL=true: starting WITHOUT" in caplog.text
        async with pmstore.open_stores(environ=environ) as stores:
            assert (await stores.orders.get(["order_1"])).keys() == {"order_1"}


async def test_a_refused_password_is_no_absence(folder: dict[str, str], tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "pg") as server:
        environ = folder | postgres_settings(server.url) | {"DATABASE_OPTIONAL": "true"}
        environ["DATABASE_PASSWORD"] = "wrong"
        with pytest.raises(pmstore.StoreUnavailable, match="DATABASE_PASSWORD"):
            async with pmstore.open_stores(environ=environ):
                pytest.fail("it must not start")


async def test_the_distributed_mode_works_by_its_settings_alone(
    folder: dict[str, str], tmp_path: Path
) -> None:
    with RedisServer(tmp_path / "redis") as redis, PostgresServer(tmp_path / "pg") as postgres:
        environ = folder | redis_settings(redis) | postgres_settings(postgres.url)
        async with pmstore.open_stores(environ=environ) as stores:
            await stores.orders.save([samples.order(1)])
            await stores.trades.append([samples.trade(1)])
            await stores.snapshots.save(samples.snapshot(1))
            stream = await stores.open_stream("store_stream")
            await stream.append([b"x"])
            await (await stores.open_accounts()).save([samples.balance("user_1", "cash")])
            await (await stores.open_events()).save([(samples.event(1), 1)])
            assert stores.absent == ()
        async with pmstore.open_stores(environ=environ) as stores:
            assert await stores.orders.get(["order_1"]) == {"order_1": samples.order(1)}
            assert (await stores.trades.find(pmstore.TradeQuery())).items == (samples.trade(1),)
            assert await stores.snapshots.load() == samples.snapshot(1)
            assert len(await (await stores.open_stream("store_stream")).read(pmstore.START, 9)) == 1
            assert await (await stores.open_accounts()).get([("user_1", "cash")]) != {}
            assert (await (await stores.open_events()).get([1])).keys() == {1}
    assert (tmp_path / "trades.log").read_text().count("\n") == 1
