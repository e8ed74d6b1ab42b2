"""What `pmstore doctor` finds out about a Redis server."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import attrs
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.errors import reason
from pmstore.backends.redis.link import Link, packed
from pmstore.backends.redis.topology import topology_of
from pmstore.plugin import Examination, Finding, Level, Role
from pmstore.storage.skew import skew_finding

_NEEDS_ALL: Final = frozenset({"stream", "lease", "consumers", "snapshots"})
"""Contracts that lose data where keys are evicted, whatever their role."""
_BACKLOG_MS_MAX: Final = 10_000
_BACKLOG_MAX: Final = 10_000
_NEARLY_FULL: Final = 0.95
_ACKNOWLEDGED_S: Final = 1.5
_ACKNOWLEDGED_STEP_MS: Final = 20
_NO_EVICTION: Final = "noeviction"


async def diagnose(config: RedisConfig, examination: Examination) -> Sequence[Finding]:
    """Find what is wrong with the server that *config* names; leaves nothing there."""
    hasty = attrs.evolve(config, timeout_s=examination.timeout_s)
    findings: list[Finding] = []
    link: Link | None = None
    try:
        async with asyncio.timeout(examination.timeout_s):
            link = Link(hasty, await topology_of(hasty).address())
            await link.open()
            async for finding in _findings(link, hasty, examination):
                findings.append(finding)
    except (RedisError, OSError) as error:
        findings.append(_failed(config, error))
    finally:
        if link is not None:
            await link.close()
    return findings


async def _findings(
    link: Link, config: RedisConfig, examination: Examination
) -> AsyncIterator[Finding]:
    begun, asked_ms = time.perf_counter(), examination.clock()
    told = await _ask(link, "TIME")
    answered_ms, took_ms = examination.clock(), (time.perf_counter() - begun) * 1000
    about = await _about(link)
    flavour = "Valkey" if "valkey_version" in about else "Redis"
    version = about.get("valkey_version") or about.get("redis_version", "of unknown version")
    yield _fine(config, "reachable", f"{flavour} {version} answers in {took_ms:.1f} ms")
    server_ms = int(told[0]) * 1000 + int(told[1]) // 1000
    yield skew_finding(
        config.where, asked_ms=asked_ms, server_ms=server_ms, answered_ms=answered_ms
    )
    yield _eviction(config, examination, about.get("maxmemory_policy", "unknown"))
    if config.ack_replicas is not None:
        yield await _acknowledgement(link, config, config.ack_replicas)
    elif examination.role is Role.TRUTH:
        yield await _durability(link, config, about)
    if about.get("role") == "slave":
        yield _error(
            config,
            "read-only",
            "it is a replica: it takes no writes and answers from the past",
            "Name the master, or the sentinels by redis+sentinel://",
        )
    else:
        yield await _writing(link, config)
    for finding in _space(config, about):
        yield finding
    if examination.role is Role.TRUTH:
        for kind in sorted(examination.contracts & {"orders", "trades", "accounts", "events"}):
            async for finding in _backlog(link, config, kind, server_ms):
                yield finding


async def _ask(link: Link, *command: str | bytes | int) -> Any:
    return await link.ask(packed(command))


async def _about(link: Link) -> dict[str, str]:
    """What the server says of itself; empty if it may not tell us."""
    try:
        text: bytes = await _ask(link, "INFO")
    except NoPermissionError:
        return {}
    lines = (line.partition(":") for line in text.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def _eviction(config: RedisConfig, examination: Examination, policy: str) -> Finding:
    needed = examination.role is Role.TRUTH or examination.contracts & _NEEDS_ALL
    if policy == _NO_EVICTION or not needed:
        return _fine(config, "eviction", f"its maxmemory-policy is {policy}")
    return _error(
        config,
        "eviction",
        f"its maxmemory-policy is {policy}: it forgets records when its memory is full",
        f"CONFIG SET maxmemory-policy {_NO_EVICTION}, and the same in its configuration file",
    )


async def _durability(link: Link, config: RedisConfig, about: dict[str, str]) -> Finding:
    if about.get("aof_enabled") == "0":
        return _error(
            config,
            "durability",
            "it writes no append-only file: what it acknowledged is lost when it stops",
            "CONFIG SET appendonly yes, CONFIG SET appendfsync always, and the same in its "
            "configuration file",
        )
    try:
        said = await _ask(link, "CONFIG", "GET", "appendfsync")
    except ResponseError:
        return _fine(config, "durability", "it writes an append-only file")
    policy = said[1].decode() if said else "unknown"
    if policy == "always":
        return _fine(config, "durability", "it syncs its append-only file before it answers")
    return Finding(
        level=Level.WARNING,
        kind="durability",
        what=f"its appendfsync is {policy}: a crash of the machine loses what it acknowledged last",
        where=config.where,
        remedy="CONFIG SET appendfsync always, and the same in its configuration file",
    )


async def _acknowledgement(link: Link, config: RedisConfig, replicas: int) -> Finding:
    """Whether the server and *replicas* say that a write is on their disks, by one that is done."""
    key = f"{config.key_prefix}lease:doctor-{secrets.token_hex(8)}"
    remedy = (
        "Start replicas with appendonly yes, the server too, or set ENGINE_ACK to fewer: until "
        "then nothing is answered"
    )
    deadline = time.perf_counter() + _ACKNOWLEDGED_S
    try:
        if await _ask(link, "COMMAND", "INFO", "WAITAOF") == [None]:
            return _error(
                config,
                "durability",
                f"it has no WAITAOF, which waiting for {replicas} replicas needs",
                "Take Redis 7.2 or newer, or Valkey, or unset ENGINE_ACK",
            )
        await _ask(link, "SET", key, "", "PX", 1000)
        local = there = 0
        while (local < 1 or there < replicas) and time.perf_counter() < deadline:
            local, there = await _ask(link, "WAITAOF", 1, replicas, _ACKNOWLEDGED_STEP_MS)
        await _ask(link, "UNLINK", key)
    except ResponseError as error:
        return _error(config, "durability", reason(error), remedy)
    if local < 1 or there < replicas:
        where = "on its disk" if local else "not on its disk"
        what = f"a write is {where} and on those of {there} replicas; {replicas} must have it"
        return _error(config, "durability", what, remedy)
    return _fine(
        config,
        "durability",
        f"it answers once its own append-only file and those of {replicas} replicas are synced "
        f"(WAITAOF; {there} were just now): that survives the crash of everything, and a failover "
        "to one of these",
    )


async def _writing(link: Link, config: RedisConfig) -> Finding:
    key = f"{config.key_prefix}lease:doctor-{secrets.token_hex(8)}"
    try:
        await _ask(link, "SET", key, "", "PX", 1000)
        await _ask(link, "UNLINK", key)
    except (RedisError, OSError) as error:
        return _failed(config, error)
    return _fine(config, "permission", "it lets us write")


def _space(config: RedisConfig, about: dict[str, str]) -> list[Finding]:
    most, used = int(about.get("maxmemory", 0)), int(about.get("used_memory", 0))
    if not most or about.get("maxmemory_policy") != _NO_EVICTION or used < _NEARLY_FULL * most:
        return []
    return [
        Finding(
            level=Level.ERROR if used >= most else Level.WARNING,
            kind="disk-full",
            what=f"{used / most:.0%} of its {most:,} bytes of memory are used",
            where=config.where,
            remedy="Raise maxmemory, or remove data: it refuses writes once it is full",
        )
    ]


async def _backlog(
    link: Link, config: RedisConfig, kind: str, now_ms: int
) -> AsyncIterator[Finding]:
    prefix = f"{config.key_prefix}{kind}:"
    for reader in await _ask(link, "SMEMBERS", f"{prefix}readers"):
        notes = f"{prefix}notes:{reader.decode()}"
        depth = await _ask(link, "XLEN", notes)
        oldest = await _ask(link, "XRANGE", notes, "-", "+", "COUNT", 1)
        age_ms = now_ms - int(oldest[0][1][5]) if oldest else 0
        if depth > _BACKLOG_MAX or age_ms > _BACKLOG_MS_MAX:
            yield Finding(
                level=Level.WARNING,
                kind="outbox-backlog",
                what=f"{depth} notes of changed {kind} wait for {reader.decode()}, the oldest "
                f"for {age_ms / 1000:.0f} s",
                where=config.where,
                remedy="Run a process with this stack, or else pmstore outbox URL --forget READER",
            )


def _failed(config: RedisConfig, error: Exception) -> Finding:
    said = reason(error)
    if isinstance(error, AuthenticationError):
        return _error(
            config,
            "password",
            f"it does not let us in: {said}",
            "Set REDIS_PASSWORD, or user and password in the URL, as its access list has them",
        )
    if isinstance(error, NoPermissionError):
        remedy = "ACL SETUSER … ~* &* +@all, or less: see docs/reference/redis.md"
        return _error(config, "permission", said, remedy)
    if isinstance(error, ReadOnlyError):
        return _error(config, "read-only", said, "Name the master")
    if isinstance(error, OutOfMemoryError):
        return _error(config, "disk-full", said, "Raise maxmemory, or remove data")
    if "MISCONF" in said:
        remedy = "Make room on its disk: it cannot save, and so refuses writes"
        return _error(config, "disk-full", said, remedy)
    host, port = config.address
    return _error(
        config,
        "unreachable",
        f"{host}:{port}: {said}",
        "Is it running, and do host, port and TLS agree with REDIS_HOST and REDIS_PORT?",
    )


def _fine(config: RedisConfig, kind: str, what: str) -> Finding:
    return Finding(level=Level.FINE, kind=kind, what=what, where=config.where)


def _error(config: RedisConfig, kind: str, what: str, remedy: str) -> Finding:
    return Finding(level=Level.ERROR, kind=kind, what=what, where=config.where, remedy=remedy)
