"""What a `redis:` URL can say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from pmstore.errors import SettingsError
from pmstore.plugin import config_from
from pmstore.url import Url

STANDALONE: Final = ("redis", "rediss")
CLUSTER: Final = ("redis+cluster", "rediss+cluster")
SENTINEL: Final = ("redis+sentinel", "rediss+sentinel")
SCHEMES: Final = (*STANDALONE, *CLUSTER, *SENTINEL)

RESERVED: Final = frozenset(
    {
        "ack",
        "account",
        "accounts",
        "asset_accounts",
        "cache",
        "client_orders",
        "epoch",
        "event",
        "event_orders",
        "event_trades",
        "events",
        "lease",
        "market_orders",
        "market_trades",
        "order",
        "order_trades",
        "orders",
        "side_orders",
        "snapshot",
        "snapshots",
        "token_orders",
        "token_trades",
        "trade",
        "trades",
        "user_orders",
        "user_trades",
    }
)
"""First words of our own keys: a prefix or a stream of such a name would mix with them."""

_REPLICAS_MAX: Final = 15

_PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]{0,64}")


def _positive(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name} is {value}; expected more than 0")


def _not_negative(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value < 0:
        raise ValueError(f"{attribute.name} is {value}; expected 0 or more")


def _replicas(instance: object, attribute: attrs.Attribute[Any], value: int | None) -> None:
    if value is not None and not 0 <= value <= _REPLICAS_MAX:
        raise ValueError(f"{attribute.name} is {value}; expected 0..{_REPLICAS_MAX}")


def _database(instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    if not re.fullmatch(r"(/[0-9]{0,6})?", value):
        raise ValueError(f"path is {value!r}; expected the number of a database, such as /0")


def _prefix(instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    if not _PREFIX.fullmatch(value):
        raise ValueError(f"prefix is {value!r}; expected up to 64 of [A-Za-z0-9_.-]")
    if value in RESERVED:
        raise ValueError(f"prefix is {value!r}, which our own keys begin with; take another word")


@attrs.frozen(kw_only=True, repr=False)
class RedisParameters:
    """
    The parts of `redis://user:password@host:port/database?parameter=value`.

    Attributes:
        user: Of the server's access list; unset: its default user.
        password: Of that user; unset: none is sent.
        host: Of the server; of any node of a cluster; of any sentinel.
        port: There; unset: 6379, of a sentinel 26379.
        path: `/` and the number of the database; a cluster has only database 0.
        prefix: A namespace: every key begins with it and a colon. Unset: keys have the
            names that are documented.
        shard: On a cluster every key carries the tag `{pm<shard>}`, so that one script
            reaches all of them; other shards are other places, mostly on other nodes.
        pool_size: Connections for calls at most; those that wait for entries of a stream
            have connections of their own.
        min_idle_conns: Connections that are opened at the start.
        timeout_s: Seconds after which a call fails, the wait for a connection included.
        ttl_s: Seconds after which an order is forgotten (the store is then RECENT); unset:
            never.
        recent: Trades kept, the newest ones. Unset: all.
        tombstone_s: Seconds for which a removed order's id refuses older versions.
        field: Of the entries that we append to streams; unset: `store_key` in `store_stream`
            and so on, in a stream of another name that name.
        ack_replicas: What is appended to streams, and read from them, is answered when the
            server and so many of its replicas say that it is on their disks (`WAITAOF`, Redis
            7.2 or newer); unset: when the server has it.
        tls_ca: A file of certificates that are trusted (PEM); unset: the system's.
        tls_cert: Our own certificate (PEM), where the server asks for one.
        tls_key: Its key.
        tls_verify: `full` checks the server's certificate and that it names the host, `ca`
            the certificate alone, `none` nothing (anybody in between can read and write).
        master: The name under which the sentinels know their master.
        sentinels: Further sentinels, `host:port,host:port`.
    """

    user: str | None = None
    password: str | None = None
    host: str = "localhost"
    port: int | None = None
    path: str = attrs.field(default="", validator=_database)
    prefix: str = attrs.field(default="", validator=_prefix)
    shard: int = attrs.field(default=0, validator=_not_negative)
    pool_size: int = attrs.field(default=10, validator=_positive)
    min_idle_conns: int = attrs.field(default=1, validator=_not_negative)
    timeout_s: float = attrs.field(default=5.0, validator=_positive)
    ttl_s: float | None = attrs.field(default=None, validator=_positive)
    recent: int | None = attrs.field(default=None, validator=_positive)
    tombstone_s: float = attrs.field(default=86_400.0, validator=_positive)
    field: str | None = None
    ack_replicas: int | None = attrs.field(default=None, validator=_replicas)
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_verify: Literal["full", "ca", "none"] = "full"
    master: str = "mymaster"
    sentinels: str = ""


@attrs.frozen(kw_only=True, repr=False)
class RedisConfig(RedisParameters):
    """Parameters together with the scheme that they were written under."""

    scheme: str = attrs.field(default="redis", validator=attrs.validators.in_(SCHEMES))

    def __attrs_post_init__(self) -> None:
        if self.min_idle_conns > self.pool_size:
            raise ValueError(
                f"{self.min_idle_conns} connections of min_idle_conns do not fit into "
                f"pool_size={self.pool_size}"
            )
        if self.is_cluster and self.database:
            raise ValueError(f"path is {self.path!r}; a cluster has only database 0")
        if self.tls_key is not None and self.tls_cert is None:
            raise ValueError("tls_key is given without tls_cert")
        if not self.is_tls and (self.tls_ca or self.tls_cert):
            raise ValueError(f"{self.scheme}:// is not encrypted; write rediss:// for it")
        for sentinel in self.further_sentinels:
            if not sentinel[0] or not 0 < sentinel[1] < 65_536:
                raise ValueError(f"sentinels is {self.sentinels!r}; expected host:port,host:port")

    @property
    def is_cluster(self) -> bool:
        """Whether the server is one node of a cluster."""
        return self.scheme in CLUSTER

    @property
    def is_sentinel(self) -> bool:
        """Whether the server is one of the sentinels that know the master."""
        return self.scheme in SENTINEL

    @property
    def is_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.scheme.startswith("rediss")

    @property
    def database(self) -> int:
        """The number of the database."""
        return int(self.path[1:] or 0)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server that the URL names."""
        return self.host, self.port or (26379 if self.is_sentinel else 6379)

    @property
    def further_sentinels(self) -> list[tuple[str, int]]:
        """Host and port of each of `sentinels`."""
        named = [text.strip().rpartition(":") for text in self.sentinels.split(",") if text]
        return [(host, int(port) if port.isdecimal() else 0) for host, _, port in named]

    @property
    def where(self) -> str:
        """The place in words, without secrets, for messages."""
        host, port = self.address
        where = f"{self.scheme}://{host}:{port}/{self.database}"
        return f"{where}?prefix={self.prefix}" if self.prefix else where

    @property
    def key_prefix(self) -> str:
        """
        What every key begins with: the shard's tag on a cluster, then the namespace.

        The tag comes first, so that no brace in a name behind it changes the slot.
        """
        tag = f"{{pm{self.shard}}}" if self.is_cluster else ""
        return f"{tag}{self.prefix}:" if self.prefix else tag

    @property
    def connections_key(self) -> tuple[object, ...]:
        """What two configs must have in common to share their connections."""
        same = attrs.evolve(
            self,
            prefix="",
            ttl_s=None,
            recent=None,
            tombstone_s=1.0,
            field=None,
            ack_replicas=None,
        )
        return attrs.astuple(same)

    def __repr__(self) -> str:
        return f"<RedisConfig {self.where}>"


def redis_config(url: Url, /) -> RedisConfig:
    """
    The config that *url* says.

    Raises:
        SettingsError: Every problem of it.
    """
    said = config_from(RedisParameters, url)
    values = {field.name: getattr(said, field.name) for field in attrs.fields(RedisParameters)}
    try:
        return RedisConfig(scheme=url.scheme, **values)
    except ValueError as error:
        raise SettingsError([f"{url}: {error.args[0]}"]) from error
