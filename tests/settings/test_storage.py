"""Each deployment mode means the stacks of its row in the table of modes."""

from __future__ import annotations

import pytest

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
            "memory://",
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
