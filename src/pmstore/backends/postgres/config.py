"""What a `postgresql:` URL can say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import attrs

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
"""libpq's words for TLS towards the server."""

_SCHEMA_BYTES_MAX: Final = 63
"""PostgreSQL cuts longer names silently."""


def _positive(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not value > 0:
        raise ValueError(f"{attribute.name} is {value}; expected more than 0")


def _not_negative(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not value >= 0:
        raise ValueError(f"{attribute.name} is {value}; expected 0 or more")


def _database(instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    name = value.removeprefix("/")
    if not name or "/" in name:
        raise ValueError(f"path is {value!r}; expected the name of a database, as in /orders")


def _schema(instance: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and not 1 <= len(value.encode()) <= _SCHEMA_BYTES_MAX:
        raise ValueError(f"schema is {value!r}; expected 1..{_SCHEMA_BYTES_MAX} bytes")


@attrs.frozen(kw_only=True)
class PostgresConfig:
    """
    The parts and parameters of `postgresql://user:password@host:port/database?…`.

    Attributes:
        user: Role to log in as. Unset: libpq's choice, as for the next three.
        password: That role's password.
        host: Host.
        port: Port.
        path: The database, behind a slash.
        schema: Schema of the tables; made when it is missing. Unset: the role's own path.
        max_connections: Connections at most, for all stores of this URL in one event loop.
        max_idle_connections: Connections that stay open while nobody needs them.
        conn_max_lifetime_s: Age in seconds at which a connection is replaced.
        connect_timeout_s: Seconds until an attempt to connect is given up.
        statement_timeout_s: Seconds for one call: its wait for a connection, its statement
            and every repetition of it.
        lock_timeout_s: Seconds for which a statement waits for a lock of another.
        ssl_mode: TLS towards the server, in libpq's words.
        ssl_root_cert: File with the certificates that `verify-ca` and `verify-full` trust.
        read_host: Host of a read replica; asked for lists of trades alone, which are then
            older by the replica's lag.
        tombstone_s: Seconds for which a removed order's id refuses older versions.
        migrate: Whether opening brings an older schema up to date.
    """

    user: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    path: str = attrs.field(validator=_database)
    schema: str | None = attrs.field(default=None, validator=_schema)
    max_connections: int = attrs.field(default=20, validator=_positive)
    max_idle_connections: int = attrs.field(default=5, validator=_not_negative)
    conn_max_lifetime_s: float = attrs.field(default=300.0, validator=_positive)
    connect_timeout_s: float = attrs.field(default=5.0, validator=_positive)
    statement_timeout_s: float = attrs.field(default=30.0, validator=_positive)
    lock_timeout_s: float = attrs.field(default=10.0, validator=_positive)
    ssl_mode: SslMode = "prefer"
    ssl_root_cert: Path | None = None
    read_host: str | None = None
    tombstone_s: float = attrs.field(default=86_400.0, validator=_positive)
    migrate: bool = True

    @property
    def database(self) -> str:
        """The name of the database."""
        return self.path.removeprefix("/")

    @property
    def place(self) -> str:
        """Where it is, for messages: without the password."""
        host, port = self.host or "localhost", self.port or 5432
        return f"postgresql://{host}:{port}/{self.database}"
