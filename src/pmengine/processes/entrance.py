"""Settings -> who may come into a gateway, how much one may ask there, and what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic

import attrs

from pmengine.gateways.auth import (
    KEY_STREAM,
    Buckets,
    CredentialDoor,
    Door,
    KeyFile,
    KeyRing,
    Limits,
    OpenDoor,
    Origins,
    SharedSecret,
    Tokens,
    UnusableKey,
    parse_networks,
)
from pmengine.gateways.certificate import Certificate, UnusableCertificate
from pmengine.services.outages import persistently
from pmengine.settings import Settings
from pmstore import SettingsError, Stream, open_stores_to_read
from pmstore.clock import system_clock


@attrs.frozen(kw_only=True)
class Entrance:
    """
    What a gateway needs to know of who asks.

    `certificate` is what it shows itself; None if it speaks without TLS.
    """

    door: Door
    limits: Limits
    certificate: Certificate | None = None


@asynccontextmanager
async def open_entrance(settings: Settings) -> AsyncIterator[Entrance]:
    """
    The entrance of one gateway; API keys are followed until it is left.

    An outage of the streams is waited out: before the keys are known nobody is let in.

    Raises:
        SettingsError: The keys of who signs tokens cannot be used, or the own certificate.
    """
    certificate = certificate_of(settings)
    if settings.auth == "off":
        yield Entrance(door=OpenDoor(), limits=Limits(), certificate=certificate)
        return
    ways = settings.auth.split(",")
    tokens = tokens_of(settings) if "jwt" in ways else None
    async with AsyncExitStack() as closing:
        ring = None
        if "keys" in ways:
            ring = await _open_key_ring(settings, closing)
        door = CredentialDoor(tokens, ring, system_clock)
        yield Entrance(door=door, limits=limits_of(settings), certificate=certificate)


def certificate_of(settings: Settings) -> Certificate | None:
    """
    What the gateways show of themselves, None if they speak without TLS.

    Raises:
        SettingsError: TLS_CERT_FILE and TLS_KEY_FILE cannot be used.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    try:
        return Certificate(settings.tls_certificate, settings.tls_key, clock=system_clock)
    except UnusableCertificate as error:
        raise SettingsError([f"TLS_CERT_FILE, TLS_KEY_FILE: {error}"]) from None


def tokens_of(settings: Settings) -> Tokens:
    """
    What verifies tokens.

    Raises:
        SettingsError: JWT_PUBLIC_KEY cannot be used.
    """
    key: KeyFile | SharedSecret
    if settings.jwt_public_key is not None:
        try:
            key = KeyFile(settings.jwt_public_key)
        except UnusableKey as error:
            raise SettingsError([f"JWT_PUBLIC_KEY: {error}"]) from None
    else:
        assert settings.jwt_secret is not None
        key = SharedSecret(settings.jwt_secret)
    return Tokens(
        key,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        leeway_s=settings.jwt_leeway_s,
        clock=system_clock,
    )


def limits_of(settings: Settings) -> Limits:
    """How much one user and one address may ask."""

    def buckets(rate: int, burst: int) -> Buckets | None:
        return Buckets(rate, burst, monotonic) if rate else None

    return Limits(
        users=buckets(settings.user_rate, settings.user_burst),
        addresses=buckets(settings.address_rate, settings.address_burst),
        sockets_max=settings.address_sockets or None,
        origins=Origins(parse_networks(settings.trusted_proxies or "")),
    )


async def _open_key_ring(settings: Settings, closing: AsyncExitStack) -> KeyRing:
    @asynccontextmanager
    async def opening() -> AsyncIterator[Stream | None]:
        async with open_stores_to_read(settings=settings.storage, contracts=()) as stores:
            yield await stores.open_stream(KEY_STREAM)

    ring = KeyRing(opening, max_age_s=settings.keys_max_age_s, now=monotonic)
    closing.push_async_callback(ring.close)
    await persistently(ring.look, "keys")
    following = asyncio.create_task(ring.run(), name="keys")
    closing.push_async_callback(_end, following)
    return ring


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
