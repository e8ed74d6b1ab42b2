"""Each deployment mode means the stacks of its row in the table of modes."""

from __future__ import annotations

from pathlib import Path

import pytest

import pmstore
from pmstore.registry import find_backend
from pmstore.settings import Mode, StorageSettings, read_settings

DATABASE = (
    "postgresql://postgres@localhost:5432/matching_engine?max_connections=20"
    "&max_idle_connections=5&conn_max_lifetime_s=300&ssl_mode=prefer"
)
POOL = "pool_size=10&min_idle_conns=2"
REDIS = f"redis://localhost:6379/0?{POOL}"


def read(**environ: str) -> StorageSettings:
    return read_settings(StorageSettings, environ=environ)


@pytest.mark.parametrize(
    ("environ", "mode", "orders", "trades", "snapshots", "streams"),
    [
        (
            {},
            Mode.EMBEDDED,
            "sqlite:///data/pmstore.db",
            "memory://?recent=1000 > file:data/trades.log",
            "file:data/store",
            "file:data/streams",
        ),
        (
            {"DATABASE_ENABLED": "false", "REDIS_ENABLED": "false"},
            Mode.DEVELOPMENT,
            "memory://",
            "memory://?recent=1000 > file:trades.log",
            "file:data/store",
            "file:data/streams",
        ),
        (
            {"DATABASE_ENABLED": "true"},
            Mode.SINGLE_NODE,
            f"memory:// > {DATABASE}",
            f"memory://?recent=1000 > {DATABASE} | file:trades.log",
            "file:data/store",
            "file:data/streams",
        ),
        (
            {"DATABASE_ENABLED": "true", "REDIS_ENABLED": "true"},
            Mode.DISTRIBUTED,
            f"memory:// > redis://localhost:6379/0?ttl_s=86400&{POOL} > {DATABASE}",
            f"memory://?recent=1000 > redis://localhost:6379/0?recent=10000&{POOL} > {DATABASE}"
            " | file:trades.log",
            DATABASE,
            REDIS,
        ),
        (
            {"REDIS_ENABLED": "true"},
            Mode.REDIS_ONLY,
            f"memory:// > {REDIS}",
            f"memory://?recent=1000 > {REDIS} | file:trades.log",
            REDIS,
            REDIS,
        ),
    ],
)
def test_a_mode_means_its_stacks(
    environ: dict[str, str], mode: Mode, orders: str, trades: str, snapshots: str, streams: str
) -> None:
    settings = read(**environ)
    assert settings.mode is mode
    assert str(settings.orders) == orders
    assert str(settings.trades) == trades
    assert str(settings.snapshots) == snapshots
    assert str(settings.streams) == streams


def test_a_url_replaces_what_the_mode_means() -> None:
    settings = read(
        DATABASE_ENABLED="true",
        PMSTORE_ORDERS_URL="memory:// > acme://host",
        PMSTORE_TRADES_URL="acme://host",
        PMSTORE_SNAPSHOTS_URL="file:elsewhere",
        PMSTORE_STREAMS_URL="acme://host/streams",
    )
    assert str(settings.orders) == "memory:// > acme://host"
    assert str(settings.trades) == "acme://host"
    assert str(settings.snapshots) == "file:elsewhere"
    assert str(settings.streams) == "acme://host/streams"


def test_the_log_alone_waits_for_replicas() -> None:
    settings = read(REDIS_ENABLED="true", ENGINE_ACK="waitaof:2")
    assert str(settings.log_streams) == f"{settings.streams}&ack_replicas=2"
    for value in ({}, {"ENGINE_ACK": "append"}):
        settings = read(REDIS_ENABLED="true", **value)
        assert settings.log_streams == settings.streams


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"ENGINE_ACK": "waitaof:1"}, r"ENGINE_ACK: the streams are at file:.*Redis 7\.2"),
        ({"ENGINE_ACK": "waitaof:1", "PMSTORE_STREAMS_URL": "nats://host"}, "no replicas"),
        ({"ENGINE_ACK": "waitaof", "REDIS_ENABLED": "true"}, r"waitaof:0\.\.15"),
        ({"ENGINE_ACK": "waitaof:16", "REDIS_ENABLED": "true"}, r"waitaof:0\.\.15"),
    ],
)
def test_waiting_for_what_has_no_replicas_is_refused(environ: dict[str, str], told: str) -> None:
    with pytest.raises(pmstore.SettingsError, match=told):
        read(**environ)


def test_the_names_of_the_sources_are_taken() -> None:
    settings = read(
        DATABASE_ENABLED="true",
        DATABASE_HOST="db",
        DATABASE_PORT="5433",
        DATABASE_NAME="n",
        DATABASE_USER="u",
        DATABASE_PASSWORD="p@:/",
        DATABASE_MAX_CONNECTIONS="50",
        DATABASE_MAX_IDLE_CONNECTIONS="20",
        DATABASE_CONN_MAX_LIFETIME="90s",
        DATABASE_SSL_MODE="disable",
        TRADE_HISTORY_SIZE="7",
        TRADE_LOG_PATH="/var/log/t.log",
        DATA_DIR="/srv/pm",
    )
    url = settings.orders.truth
    assert (url.host, url.port, url.path, url.user, url.password) == ("db", 5433, "/n", "u", "p@:/")
    assert url.parameters == {
        "max_connections": "50",
        "max_idle_connections": "20",
        "conn_max_lifetime_s": "90",
        "ssl_mode": "disable",
    }
    assert settings.trades.layers[0].parameters == {"recent": "7"}
    assert str(settings.trades.sinks[0]) == "file:///var/log/t.log"
    assert str(settings.streams) == "file:///srv/pm/streams"


SOURCES = """
DATABASE_ENABLED=true
DATABASE_HOST=postgres.internal
DATABASE_PORT=5432
DATABASE_NAME=matching_engine
DATABASE_USER=postgres
DATABASE_PASSWORD=yourpassword
DATABASE_MAX_CONNECTIONS=50
DATABASE_MAX_IDLE_CONNECTIONS=20
DATABASE_CONN_MAX_LIFETIME=5m
DATABASE_SSL_MODE=disable  # or require, verify-full
REDIS_ENABLED=true
REDIS_HOST=redis.internal
REDIS_PORT=6379
REDIS_PASSWORD=  # Leave empty if no auth
REDIS_DB=0
REDIS_POOL_SIZE=50
REDIS_MIN_IDLE_CONNS=10
TRADE_HISTORY_SIZE=1000  # Number of recent trades to cache
TRADE_LOG_PATH=trades.log
"""
"""The printed configuration of the source's third mode."""


def test_the_printed_configuration_of_the_sources_is_taken_by_the_backends(tmp_path: Path) -> None:
    file = tmp_path / "sources.env"
    file.write_text(SOURCES)
    settings = read_settings(StorageSettings, env_file=file, environ={})
    assert settings.mode is Mode.DISTRIBUTED
    assert settings.redis_password is None
    *_, redis, database = settings.orders.layers
    # Making a config reads every parameter, and asks no server.
    _, redis_config = find_backend(redis)
    _, database_config = find_backend(database)
    assert (redis_config.host, redis_config.pool_size, redis_config.min_idle_conns) == (
        "redis.internal",
        50,
        10,
    )
    assert redis_config.ttl_s == 86_400
    assert (database_config.host, database_config.database) == (
        "postgres.internal",
        "matching_engine",
    )
    assert (database_config.max_connections, database_config.max_idle_connections) == (50, 20)
    assert database_config.conn_max_lifetime_s == 300
    assert database_config.ssl_mode == "disable"
    for stack in (settings.trades, settings.snapshots, settings.streams):
        for url in (*stack.layers, *stack.sinks):
            find_backend(url)


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABASE_ENABLED": "false", "REDIS_ENABLED": "false"},
        {"DATABASE_ENABLED": "true"},
        {"DATABASE_ENABLED": "true", "REDIS_ENABLED": "true"},
        {"REDIS_ENABLED": "true"},
    ],
    ids=str,
)
def test_the_stacks_of_every_mode_can_be_built(environ: dict[str, str]) -> None:
    settings = read(**environ)
    pmstore.open_order_store(settings.orders)
    pmstore.open_trade_store(settings.trades)
    pmstore.open_account_store(settings.orders)
    pmstore.open_event_store(settings.orders)
    pmstore.open_snapshot_store(settings.snapshots)
    pmstore.open_stream(settings.streams, "store_stream")


def test_a_read_replica_and_the_age_of_caches_are_settings() -> None:
    settings = read(DATABASE_ENABLED="true", DATABASE_READ_HOST="replica", CACHE_MAX_AGE="250ms")
    _, config = find_backend(settings.trades.truth)
    assert config.read_host == "replica"
    assert settings.cache_max_age_s == 0.25
    assert read().cache_max_age_s == 1.0
    assert (
        read(REDIS_ENABLED="true", DATABASE_ENABLED="true", TRADE_HISTORY_SIZE="20000")
        .trades.layers[1]
        .parameters["recent"]
        == "20000"
    )


def test_only_an_enabled_server_that_is_named_optional_is_optional() -> None:
    both = {"DATABASE_ENABLED": "true", "REDIS_ENABLED": "true"}
    assert read(**both).optional_servers == {}
    assert list(read(**both, REDIS_OPTIONAL="true").optional_servers) == ["REDIS"]
    assert read(DATABASE_OPTIONAL="true", REDIS_OPTIONAL="true").optional_servers == {}
    settings = read(**both, DATABASE_OPTIONAL="true")
    assert list(settings.optional_servers) == ["DATABASE"]
    assert settings.without("DATABASE").mode is Mode.REDIS_ONLY
    assert settings.without("REDIS").mode is Mode.SINGLE_NODE


def test_every_mistake_is_named_at_once_with_the_nearest_right_name() -> None:
    with pytest.raises(pmstore.SettingsError) as caught:
        read(
            PMSTORE_ORDRES_URL="memory://",
            CACHE_MAX_AGE="soon",
            DATABASE_OPTIONAL="perhaps",
            DATABASE_SSL_MODE="requires",
            REDIS_PORT="0",
        )
    told = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 5
    assert "Did you mean PMSTORE_ORDERS_URL?" in told
    assert "Did you mean require?" in told
    with pytest.raises(pmstore.SettingsError) as caught:
        read(DATABASE_MAX_CONNECTIONS="2", REDIS_POOL_SIZE="1", PMSTORE_STREAMS_URL="a: > b:")
    assert len(caught.value.problems) == 3
