"""The settings of the storage part: deployment modes, and the stacks that they mean."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import attrs

from pmstore.settings.declaration import family, setting
from pmstore.settings.parsers import (
    acknowledgement,
    boolean,
    choice,
    duration_s,
    integer,
    path,
    stack,
    text,
)
from pmstore.settings.pins import PIN_PREFIX
from pmstore.url import Stack, Url

_PORT: Final = integer(1, 65535)
_MEMORY: Final = Url(scheme="memory")
_DATABASE_FILE: Final = "pmstore.db"
_ORDER_TTL_S: Final = 86_400
_REDIS_RECENT_TRADES: Final = 10_000


OptionalServer = Literal["DATABASE", "REDIS"]
"""What the names of a server's settings begin with."""


class Mode(enum.Enum):
    """What a deployment runs on; it follows from `DATABASE_ENABLED` and `REDIS_ENABLED`."""

    EMBEDDED = "embedded"
    DEVELOPMENT = "development"
    SINGLE_NODE = "single node"
    DISTRIBUTED = "distributed"
    REDIS_ONLY = "redis without a database"


@attrs.frozen(kw_only=True)
class StorageSettings:
    """Where orders, trades, snapshots and streams are kept."""

    database_enabled: bool | None = setting(
        "DATABASE_ENABLED", boolean(), default=None, doc="Keep orders and trades in PostgreSQL."
    )
    database_host: str = setting(
        "DATABASE_HOST", text(), default="localhost", doc="Host of PostgreSQL."
    )
    database_port: int = setting("DATABASE_PORT", _PORT, default=5432, doc="Port of PostgreSQL.")
    database_name: str = setting(
        "DATABASE_NAME", text(), default="matching_engine", doc="Name of the database."
    )
    database_user: str = setting(
        "DATABASE_USER", text(), default="postgres", doc="User of the database."
    )
    database_password: str | None = setting(
        "DATABASE_PASSWORD", text(), default=None, doc="That user's password.", secret=True
    )
    database_max_connections: int = setting(
        "DATABASE_MAX_CONNECTIONS", integer(1, 10_000), default=20, doc="Size of the pool."
    )
    database_max_idle_connections: int = setting(
        "DATABASE_MAX_IDLE_CONNECTIONS",
        integer(0, 10_000),
        default=5,
        doc="Connections that the pool keeps open while nobody needs them.",
    )
    database_conn_max_lifetime_s: float = setting(
        "DATABASE_CONN_MAX_LIFETIME",
        duration_s(1.0),
        default=300.0,
        doc="Age in seconds at which the pool replaces a connection.",
    )
    database_ssl_mode: str = setting(
        "DATABASE_SSL_MODE",
        choice("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        default="prefer",
        doc="TLS towards PostgreSQL, in libpq's words.",
    )
    database_read_host: str | None = setting(
        "DATABASE_READ_HOST",
        text(),
        default=None,
        doc="Host of a read replica, asked for lists of trades; they may be older by its lag.",
    )
    database_optional: bool = setting(
        "DATABASE_OPTIONAL",
        boolean(),
        default=False,
        doc="Start without PostgreSQL if nobody answers there, as if it was not enabled; "
        "it is said in the log.",
    )
    redis_enabled: bool | None = setting(
        "REDIS_ENABLED", boolean(), default=None, doc="Keep streams, and copies, in Redis."
    )
    redis_host: str = setting("REDIS_HOST", text(), default="localhost", doc="Host of Redis.")
    redis_port: int = setting("REDIS_PORT", _PORT, default=6379, doc="Port of Redis.")
    redis_password: str | None = setting(
        "REDIS_PASSWORD", text(), default=None, doc="Password of Redis.", secret=True
    )
    redis_db: int = setting(
        "REDIS_DB", integer(0, 1023), default=0, doc="Number of the Redis database."
    )
    redis_pool_size: int = setting(
        "REDIS_POOL_SIZE", integer(1, 10_000), default=10, doc="Connections to Redis at most."
    )
    redis_min_idle_conns: int = setting(
        "REDIS_MIN_IDLE_CONNS",
        integer(0, 10_000),
        default=2,
        doc="Connections that are kept open while nobody needs them.",
    )
    redis_optional: bool = setting(
        "REDIS_OPTIONAL",
        boolean(),
        default=False,
        doc="Start without Redis if nobody answers there, as if it was not enabled; "
        "it is said in the log.",
    )
    cache_max_age_s: float = setting(
        "CACHE_MAX_AGE",
        duration_s(0.05, 3600.0),
        default=1.0,
        doc="Seconds by which a read may be older than another process's write, at most.",
    )
    trade_history_size: int = setting(
        "TRADE_HISTORY_SIZE",
        integer(1, 10_000_000),
        default=1000,
        doc="Trades that are kept in memory for the newest pages.",
    )
    trade_log_path: Path | None = setting(
        "TRADE_LOG_PATH",
        path(),
        default=None,
        doc="The trades' audit log; unset, it is `trades.log`, in the embedded mode under "
        "`DATA_DIR`.",
    )
    data_dir: Path = setting(
        "DATA_DIR",
        path(),
        default=Path("data"),
        doc="Folder of the file streams and snapshots, and of everything in the embedded mode.",
    )
    orders_url: Stack | None = setting(
        "PMSTORE_ORDERS_URL", stack(), default=None, doc="Replaces the mode's order stack."
    )
    trades_url: Stack | None = setting(
        "PMSTORE_TRADES_URL", stack(), default=None, doc="Replaces the mode's trade stack."
    )
    snapshots_url: Stack | None = setting(
        "PMSTORE_SNAPSHOTS_URL", stack(), default=None, doc="Replaces the mode's snapshot store."
    )
    streams_url: Stack | None = setting(
        "PMSTORE_STREAMS_URL", stack(), default=None, doc="Replaces the mode's place of streams."
    )
    ack_replicas: int | None = setting(
        "ENGINE_ACK",
        acknowledgement(),
        default=None,
        doc="When an entry of the log counts: once its server has it (`append`), or once the "
        "server and so many of its replicas have it on their disks (`waitaof:1`; Redis 7.2 or "
        "newer).",
    )
    pins: Mapping[str, str] = family(
        PIN_PREFIX,
        doc="Distribution that serves a URL scheme which several serve: "
        "`PMSTORE_PIN_REDIS=acme-redis`.",
    )
    log_level: str = setting(
        "LOG_LEVEL",
        choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        default="INFO",
        doc="Least level that is logged.",
    )
    log_file: Path | None = setting(
        "LOG_FILE", path(), default=None, doc="Log into this file as well."
    )
    log_console: bool = setting(
        "LOG_CONSOLE", boolean(), default=True, doc="Log to the standard error output."
    )
    log_rotation_max_files: int = setting(
        "LOG_ROTATION_MAX_FILES",
        integer(1, 1000),
        default=5,
        doc="Old log files that are kept.",
    )

    @property
    def mode(self) -> Mode:
        """The deployment mode; embedded if neither `…_ENABLED` is set."""
        if self.database_enabled:
            return Mode.DISTRIBUTED if self.redis_enabled else Mode.SINGLE_NODE
        if self.redis_enabled:
            return Mode.REDIS_ONLY
        unset = self.database_enabled is None and self.redis_enabled is None
        return Mode.EMBEDDED if unset else Mode.DEVELOPMENT

    @property
    def orders(self) -> Stack:
        """The stack of the order store; accounts and events are kept there too."""
        if self.orders_url is not None:
            return self.orders_url
        match self.mode:
            case Mode.EMBEDDED:
                return Stack(layers=(self._database_file,))
            case Mode.DEVELOPMENT:
                return Stack(layers=(_MEMORY,))
            case Mode.SINGLE_NODE:
                return Stack(layers=(_MEMORY, self._database))
            case Mode.DISTRIBUTED:
                redis = self._redis(ttl_s=_ORDER_TTL_S)
                return Stack(layers=(_MEMORY, redis, self._database))
            case Mode.REDIS_ONLY:
                return Stack(layers=(_MEMORY, self._redis()))

    @property
    def trades(self) -> Stack:
        """The stack of the trade store."""
        if self.trades_url is not None:
            return self.trades_url
        memory = Url(scheme="memory", parameters={"recent": str(self.trade_history_size)})
        log = Url(scheme="file", path=self._trade_log.as_posix())
        match self.mode:
            case Mode.EMBEDDED | Mode.DEVELOPMENT:
                return Stack(layers=(memory, log))
            case Mode.SINGLE_NODE:
                return Stack(layers=(memory, self._database), sinks=(log,))
            case Mode.DISTRIBUTED:
                # A layer that holds less than the one before it would never be asked.
                redis = self._redis(recent=max(_REDIS_RECENT_TRADES, self.trade_history_size))
                return Stack(layers=(memory, redis, self._database), sinks=(log,))
            case Mode.REDIS_ONLY:
                return Stack(layers=(memory, self._redis()), sinks=(log,))

    @property
    def snapshots(self) -> Stack:
        """Where snapshots are kept."""
        if self.snapshots_url is not None:
            return self.snapshots_url
        if self.mode is Mode.DISTRIBUTED:
            return Stack(layers=(self._database,))
        if self.mode is Mode.REDIS_ONLY:
            return Stack(layers=(self._redis(),))
        return Stack(layers=(self._folder("store"),))

    @property
    def streams(self) -> Stack:
        """Where streams are kept; each has its own name there."""
        if self.streams_url is not None:
            return self.streams_url
        if self.mode in (Mode.DISTRIBUTED, Mode.REDIS_ONLY):
            return Stack(layers=(self._redis(),))
        return Stack(layers=(self._folder("streams"),))

    @property
    def log_streams(self) -> Stack:
        """As `streams`, for the log: with what an append to it, and a read of it, waits for."""
        if self.ack_replicas is None:
            return self.streams
        place = self.streams.truth
        waiting = {**place.parameters, "ack_replicas": str(self.ack_replicas)}
        return Stack(layers=(attrs.evolve(place, parameters=waiting),))

    @property
    def optional_servers(self) -> Mapping[OptionalServer, Url]:
        """The servers without which the deployment may start, and their URLs."""
        servers: dict[OptionalServer, Url] = {}
        if self.database_enabled and self.database_optional:
            servers["DATABASE"] = self._database
        if self.redis_enabled and self.redis_optional:
            servers["REDIS"] = self._redis()
        return servers

    def without(self, server: OptionalServer) -> StorageSettings:
        """The same deployment as if *server* was not enabled."""
        if server == "DATABASE":
            return attrs.evolve(self, database_enabled=False)
        return attrs.evolve(self, redis_enabled=False)

    def conflicts(self) -> list[str]:
        """Combinations that cannot be."""
        problems: list[str] = []
        if self.database_max_idle_connections > self.database_max_connections:
            problems.append(
                "DATABASE_MAX_IDLE_CONNECTIONS: "
                f"{self.database_max_idle_connections} idle connections do not fit into "
                f"DATABASE_MAX_CONNECTIONS={self.database_max_connections}"
            )
        if self.redis_min_idle_conns > self.redis_pool_size:
            problems.append(
                f"REDIS_MIN_IDLE_CONNS: {self.redis_min_idle_conns} idle connections do not fit "
                f"into REDIS_POOL_SIZE={self.redis_pool_size}"
            )
        for name, url in (
            ("PMSTORE_SNAPSHOTS_URL", self.snapshots_url),
            ("PMSTORE_STREAMS_URL", self.streams_url),
        ):
            if url is not None and (len(url.layers) > 1 or url.sinks):
                problems.append(f"{name}: it takes one URL, without > and |")
        if self.ack_replicas is not None and "redis" not in self.streams.truth.scheme:
            problems.append(
                f"ENGINE_ACK: the streams are at {self.streams.truth}, which has no replicas to "
                "wait for; waitaof needs Redis 7.2 or newer (REDIS_ENABLED=true, or "
                "PMSTORE_STREAMS_URL)"
            )
        return problems

    @property
    def _trade_log(self) -> Path:
        if self.trade_log_path is not None:
            return self.trade_log_path
        return self.data_dir / "trades.log" if self.mode is Mode.EMBEDDED else Path("trades.log")

    @property
    def _database_file(self) -> Url:
        # What follows the third slash of a sqlite URL is the path.
        return Url(scheme="sqlite", path=f"/{(self.data_dir / _DATABASE_FILE).as_posix()}")

    @property
    def _database(self) -> Url:
        return Url(
            scheme="postgresql",
            user=self.database_user,
            password=self.database_password,
            host=self.database_host,
            port=self.database_port,
            path=f"/{self.database_name}",
            parameters={
                "max_connections": str(self.database_max_connections),
                "max_idle_connections": str(self.database_max_idle_connections),
                "conn_max_lifetime_s": f"{self.database_conn_max_lifetime_s:g}",
                "ssl_mode": self.database_ssl_mode,
            }
            | ({} if self.database_read_host is None else {"read_host": self.database_read_host}),
        )

    def _redis(self, **parameters: int) -> Url:
        return Url(
            scheme="redis",
            password=self.redis_password,
            host=self.redis_host,
            port=self.redis_port,
            path=f"/{self.redis_db}",
            parameters={name: str(value) for name, value in parameters.items()}
            | {
                "pool_size": str(self.redis_pool_size),
                "min_idle_conns": str(self.redis_min_idle_conns),
            },
        )

    def _folder(self, name: str) -> Url:
        return Url(scheme="file", path=(self.data_dir / name).as_posix())
