"""What an exchange can be told by its environment and `.env`, typed, with all problems at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

from pmengine.engine import (
    FEE_ACCOUNT,
    GROUPS_MAX,
    ID_MEMORY_S,
    OPEN_ORDERS_MAX,
    SESSIONS_MAX,
    STEP_MAX,
)
from pmengine.gateways.auth import SECRET_BYTES_MIN, parse_networks
from pmengine.gateways.loopback import is_loopback
from pmengine.gateways.page import is_feed_address
from pmengine.shards import SHARDS_MAX
from pmstore import SelfTrade, is_id
from pmstore.settings import (
    StorageSettings,
    boolean,
    choice,
    duration_s,
    group,
    integer,
    path,
    read_settings,
    setting,
    text,
)

PREFIXES: Final = ("PMSTORE_", "ENGINE_")
STREAM_BYTES_LEAST: Final = 16 * 2**20
"""More than the largest batch: the last entry of a stream is never trimmed."""
SEGMENT_BYTES: Final = 64 * 2**20
"""Of a file stream whose URL says nothing of it."""
SEGMENTS_MIN: Final = 4
"""A file stream is trimmed by whole segments: so many must fit, or it never has room again."""


@attrs.frozen(kw_only=True)
class Settings:
    """One exchange: its stores, engine, store service and gateway."""

    storage: StorageSettings = group(StorageSettings)
    shard: int = setting(
        "ENGINE_SHARD",
        integer(0, SHARDS_MAX - 1),
        default=0,
        doc="Which shard the services are of; the low part of its order and trade ids.",
    )
    shards: int = setting(
        "ENGINE_SHARDS",
        integer(1, SHARDS_MAX),
        default=1,
        doc="Over how many engines the events are spread; kept with the data, see "
        "[add-shards](../how-to/add-shards.md).",
    )
    ledger: bool = setting(
        "ENGINE_LEDGER",
        boolean(),
        default=True,
        doc="Keep money and tokens in the engine; off when a deployment keeps them elsewhere.",
    )
    self_trade: str = setting(
        "ENGINE_SELF_TRADE",
        choice(*[mode.value for mode in SelfTrade]),
        default=SelfTrade.CANCEL_TAKER.value,
        doc="What happens when an order that names no mode meets its owner's own.",
    )
    open_orders_max: int = setting(
        "ENGINE_OPEN_ORDERS_MAX",
        integer(1, 1_000_000_000),
        default=OPEN_ORDERS_MAX,
        doc="How many orders a user may have open; those there are stay when it is lowered.",
    )
    groups_max: int = setting(
        "ENGINE_GROUPS_MAX",
        integer(1, 1_000_000_000),
        default=GROUPS_MAX,
        doc="How many order groups a user may have; those there are stay when it is lowered.",
    )
    sessions_max: int = setting(
        "ENGINE_SESSIONS_MAX",
        integer(1, 1_000_000_000),
        default=SESSIONS_MAX,
        doc="How many sessions a user may have; those there are live on when it is lowered.",
    )
    fee_account: str = setting(
        "ENGINE_FEE_ACCOUNT",
        text(),
        default=FEE_ACCOUNT,
        doc="The user whose cash the fees become; `pmengine verify` goes by it as well.",
    )
    post_only_ms: int = setting(
        "ENGINE_POST_ONLY_MS",
        integer(0, 3_600_000),
        default=0,
        doc="For how long after a start only post-only orders are taken, in milliseconds.",
    )
    tick_ms: int = setting(
        "ENGINE_TICK_MS",
        integer(1, 60_000),
        default=100,
        doc="How often the engine looks whether something is due, in milliseconds.",
    )
    id_memory_s: int = setting(
        "ENGINE_ID_MEMORY_S",
        integer(7_200, 31_536_000),
        default=ID_MEMORY_S,
        doc="How long outcomes are remembered under their ids, in seconds.",
    )
    step_max: int = setting(
        "ENGINE_STEP_MAX",
        integer(1, 100_000),
        default=STEP_MAX,
        doc="Orders or holders that one step of left-over work concerns.",
    )
    verify: str = setting(
        "ENGINE_VERIFY",
        choice("off", "report", "stop"),
        default="off",
        doc="Check every law on the log while the engine runs: report a broken one, or stop.",
    )
    snapshot_interval_s: float = setting(
        "STORE_SNAPSHOT_INTERVAL_SECONDS",
        duration_s(0.1, 86_400),
        default=5.0,
        doc="How often a snapshot is taken while the log grows, in seconds.",
    )
    snapshot_timeout_s: float = setting(
        "STORE_SNAPSHOT_TIMEOUT_SECONDS",
        duration_s(1.0, 86_400),
        default=600.0,
        doc="How long the copy of the store process that takes a snapshot may take, in seconds; "
        "then it hangs and is killed.",
    )
    snapshots_keep: int = setting(
        "STORE_SNAPSHOTS_KEEP",
        integer(2, 1000),
        default=3,
        doc="Verified snapshots that are kept.",
    )
    store_foreign: bool = setting(
        "STORE_FOREIGN",
        boolean(),
        default=False,
        doc="Whether another engine writes `store_stream`: then `pmengine run store` keeps its "
        "snapshots, and nothing else runs here.",
    )
    store_batch_size: int = setting(
        "STORE_BATCH_SIZE",
        integer(1, 10_000),
        default=100,
        doc="With STORE_FOREIGN: how many entries are read at once.",
    )
    store_on_bad_entry: str = setting(
        "STORE_ON_BAD_ENTRY",
        choice("stop", "dead_letter"),
        default="stop",
        doc="With STORE_FOREIGN: whether an entry that cannot be read stops the service, or is put "
        "aside on `dead_letter_stream`.",
    )
    stream_bytes_max: int = setting(
        "STREAM_BYTES_MAX",
        integer(STREAM_BYTES_LEAST, 2**60),
        default=4 * 2**30,
        doc="How many bytes the log, and each input, may hold; at that nothing new is taken until "
        "it was trimmed.",
    )
    lease_s: float = setting(
        "ENGINE_LEASE_S",
        duration_s(0.2, 300),
        default=1.5,
        doc="How long a leader that says nothing stays the leader; then a standby takes over.",
    )
    service_host: str = setting(
        "SERVICE_HOST",
        text(),
        default="127.0.0.1",
        doc="Where each process of `pmengine run` tells its health and its numbers.",
    )
    service_port: int = setting(
        "SERVICE_PORT",
        integer(0, 65_535),
        default=0,
        doc="Its port; 0 takes a free one, which `pmengine status` finds.",
    )
    host: str = setting("API_HOST", text(), default="127.0.0.1", doc="Where the API listens.")
    port: int = setting(
        "API_PORT", integer(0, 65_535), default=8080, doc="Its port; 0 takes a free one."
    )
    websocket_depth_port: int = setting(
        "WEBSOCKET_DEPTH_PORT",
        integer(0, 65_535),
        default=8081,
        doc="The port of the process `websocket-depth`, on API_HOST; 0 takes a free one.",
    )
    websocket_user_port: int = setting(
        "WEBSOCKET_USER_PORT",
        integer(0, 65_535),
        default=8082,
        doc="The port of the process `websocket-user`, on API_HOST; 0 takes a free one.",
    )
    page_user_feed: str | None = setting(
        "PAGE_USER_FEED",
        text(),
        default=None,
        doc="Where the web page of a process `api` finds the feed of `websocket-user`: a path, "
        "if a proxy has both, or a ws:// or wss:// URL; unset, the page asks again and again.",
    )
    depth_stream_s: float | None = setting(
        "DEPTH_STREAM_SECONDS",
        duration_s(0.1, 3600),
        default=None,
        doc="How often the service `depth` tells the whole depth of the markets that changed on "
        "`depth_stream`, for readers that are none of ours; unset, never.",
    )
    asset: bool = setting(
        "ASSET_ENABLED",
        boolean(),
        default=False,
        doc="Whether `pmengine up` has the asset service too (gRPC).",
    )
    asset_host: str = setting(
        "ASSET_HOST", text(), default="127.0.0.1", doc="Where the asset service listens."
    )
    asset_port: int = setting(
        "ASSET_PORT", integer(0, 65_535), default=50_051, doc="Its port; 0 takes a free one."
    )
    settlement: bool = setting(
        "SETTLEMENT_ENABLED",
        boolean(),
        default=False,
        doc="Whether `pmengine up` asks to settle each trade, on `settlement_stream`.",
    )
    tls_certificate: Path | None = setting(
        "TLS_CERT_FILE",
        path(),
        default=None,
        doc="File with the certificate of the API, the feeds and the asset service, and those "
        "that vouch for it (PEM): they speak TLS. Unset, they do not.",
    )
    tls_key: Path | None = setting(
        "TLS_KEY_FILE",
        path(),
        default=None,
        doc="File with its private key (PEM, without a password).",
    )
    order_timeout_s: float = setting(
        "API_ORDER_TIMEOUT_SECONDS",
        duration_s(0.01, 300),
        default=5.0,
        doc="How long a request waits for its outcome before it answers that it is unknown.",
    )
    auth: str = setting(
        "AUTH",
        choice("off", "jwt", "keys", "jwt,keys"),
        default="off",
        doc="off: the header X-User-Id names the user, and everybody is admin (loopback only); "
        "else what callers show: bearer tokens, API keys, or either.",
    )
    jwt_public_key: Path | None = setting(
        "JWT_PUBLIC_KEY",
        path(),
        default=None,
        doc="File with the public key, in PEM or as JWKS, that tokens are verified with (ES256).",
    )
    jwt_secret: str | None = setting(
        "JWT_SECRET",
        text(),
        default=None,
        doc="Secret shared with who signs tokens (HS256), at least 32 bytes.",
        secret=True,
    )
    jwt_issuer: str | None = setting(
        "JWT_ISSUER", text(), default=None, doc="What `iss` of a token must be; unset, anything."
    )
    jwt_audience: str | None = setting(
        "JWT_AUDIENCE",
        text(),
        default=None,
        doc="What `aud` of a token must be or contain; unset, tokens with `aud` do not count.",
    )
    jwt_leeway_s: float = setting(
        "JWT_LEEWAY_SECONDS",
        duration_s(0.0, 300),
        default=5.0,
        doc="By how much the clock of who signs tokens may differ, in seconds.",
    )
    keys_max_age_s: float = setting(
        "AUTH_KEYS_MAX_AGE_SECONDS",
        duration_s(1.0, 3600),
        default=10.0,
        doc="How long a revoked API key may count at most, in seconds; while the streams do not "
        "answer for longer, no key counts.",
    )
    user_rate: int = setting(
        "API_RATE_PER_USER",
        integer(0, 1_000_000),
        default=100,
        doc="Requests a second of one user, on each gateway; 0 for any number. With AUTH=off "
        "nothing is counted.",
    )
    user_burst: int = setting(
        "API_BURST_PER_USER",
        integer(1, 1_000_000),
        default=500,
        doc="Requests that a user who asked nothing for a while may send at once.",
    )
    address_rate: int = setting(
        "API_RATE_PER_ADDRESS",
        integer(0, 1_000_000),
        default=500,
        doc="Requests a second of one address (of IPv6 a /64), identified or not; 0 for any "
        "number.",
    )
    address_burst: int = setting(
        "API_BURST_PER_ADDRESS",
        integer(1, 1_000_000),
        default=2000,
        doc="As API_BURST_PER_USER, of an address.",
    )
    address_sockets: int = setting(
        "API_SOCKETS_PER_ADDRESS",
        integer(0, 10_000),
        default=100,
        doc="WebSockets that one address may have open; 0 for any number.",
    )
    trusted_proxies: str | None = setting(
        "API_TRUSTED_PROXIES",
        text(),
        default=None,
        doc="Addresses or networks, with commas, whose X-Forwarded-For says where a request "
        "comes from.",
    )
    shutdown_timeout_s: float = setting(
        "SHUTDOWN_TIMEOUT_SECONDS",
        duration_s(0.1, 600),
        default=10.0,
        doc="How long a stop takes at most, in seconds.",
    )

    def conflicts(self) -> list[str]:
        """Combinations that cannot be."""
        problems: list[str] = []
        if self.shard >= self.shards:
            problems.append(
                f"ENGINE_SHARD: {self.shard} is none of ENGINE_SHARDS={self.shards}, which are "
                f"numbered from 0 to {self.shards - 1}"
            )
        if not is_id(self.fee_account):
            problems.append(
                "ENGINE_FEE_ACCOUNT: a user's id has 1..255 bytes and no control characters"
            )
        streams = self.storage.streams.truth
        said = streams.parameters.get("segment_bytes_max", "")
        segment = int(said) if said.isdecimal() else SEGMENT_BYTES
        if streams.scheme == "file" and self.stream_bytes_max < SEGMENTS_MIN * segment:
            problems.append(
                f"STREAM_BYTES_MAX: {self.stream_bytes_max} is less than {SEGMENTS_MIN} segments "
                f"of {segment} bytes, by which file streams are trimmed; set it to "
                f"{SEGMENTS_MIN * segment} or more, or ?segment_bytes_max= in PMSTORE_STREAMS_URL"
            )
        if self.page_user_feed is not None and not is_feed_address(self.page_user_feed):
            problems.append(
                f"PAGE_USER_FEED: {self.page_user_feed!r} is neither a path, such as /user, nor a "
                "URL, such as wss://feeds.example/user"
            )
        for name, host in (("API_HOST", self.host), ("ASSET_HOST", self.asset_host)):
            if self.auth != "off" or is_loopback(host):
                continue
            problems.append(
                f"{name}: {host} can be reached from elsewhere, and with AUTH=off everybody "
                "is admin; listen on 127.0.0.1, or set AUTH=jwt or AUTH=keys"
            )
        if (self.tls_certificate is None) != (self.tls_key is None):
            lacking = "TLS_CERT_FILE" if self.tls_certificate is None else "TLS_KEY_FILE"
            problems.append(f"{lacking}: TLS takes both TLS_CERT_FILE and TLS_KEY_FILE")
        return problems + self._auth_conflicts()

    def _auth_conflicts(self) -> list[str]:
        problems: list[str] = []
        ways = self.auth.split(",")
        if "jwt" in ways and (self.jwt_public_key is None) == (self.jwt_secret is None):
            problems.append(
                "AUTH: jwt takes either JWT_PUBLIC_KEY (ES256) or JWT_SECRET (HS256), which says "
                "the one algorithm that counts"
            )
        if self.jwt_secret is not None and len(self.jwt_secret.encode()) < SECRET_BYTES_MIN:
            problems.append(
                f"JWT_SECRET: it takes at least {SECRET_BYTES_MIN} bytes; make one with "
                "`openssl rand -base64 48`"
            )
        if "keys" in ways and self.storage.streams.truth.scheme == "memory":
            problems.append(
                "AUTH: keys are kept on a stream, and PMSTORE_STREAMS_URL is in memory, where "
                "`pmengine key` does not reach them"
            )
        try:
            parse_networks(self.trusted_proxies or "")
        except ValueError:
            problems.append(
                f"API_TRUSTED_PROXIES: {self.trusted_proxies!r} is not a list of addresses and "
                "networks, such as 10.0.0.7,10.1.0.0/16"
            )
        return problems


def load_settings(env_file: Path | None = None) -> Settings:
    """
    The settings of an exchange; the environment beats the file.

    Raises:
        pmstore.SettingsError: Every problem at once.
    """
    return read_settings(Settings, env_file=env_file, prefixes=PREFIXES)
