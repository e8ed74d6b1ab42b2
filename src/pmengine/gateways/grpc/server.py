"""Serves the asset service on a socket for as long as a block lasts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from grpc import (
    ServerCertificateConfiguration,
    ServerCredentials,
    aio,
    dynamic_ssl_server_credentials,
    ssl_server_certificate_configuration,
)

from pmengine.gateways.certificate import Certificate, Pair
from pmengine.gateways.grpc.service import AssetService

STOP_TIMEOUT_S: Final = 5.0
MESSAGE_BYTES_MAX: Final = 64 * 1024
CALLS_MAX: Final = 10_000
"""Calls under way at most; more are refused with RESOURCE_EXHAUSTED before they are read."""

_OPTIONS: Final = (
    # Else two processes share a port, and each hears half of the calls.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
)


@asynccontextmanager
async def serving_asset(
    service: AssetService, host: str, port: int, *, certificate: Certificate | None = None
) -> AsyncIterator[str]:
    """
    Serve *service* while the block lasts; gives its address as clients take it, `host:port`.

    Leaving takes no new calls, and lets those under way end (at most `STOP_TIMEOUT_S` seconds);
    a call that came and was not looked at yet ends as cancelled, and was not done.

    Args:
        port: 0 takes a free one.
        certificate: What is shown to clients, who then speak TLS; unset, they do not.

    Raises:
        OSError: The address cannot be had; the message names it.
    """
    shown = f"[{host}]" if ":" in host else host
    server = aio.server(options=_OPTIONS, maximum_concurrent_rpcs=CALLS_MAX)
    server.add_generic_rpc_handlers((service.handler(),))
    try:
        if certificate is None:
            bound = server.add_insecure_port(f"{shown}:{port}")
        else:
            bound = server.add_secure_port(f"{shown}:{port}", _credentials(certificate))
    except RuntimeError as error:
        await server.stop(None)
        raise OSError(f"cannot listen on {host} port {port}: {error}") from error
    await server.start()
    try:
        yield f"{shown}:{bound}"
    finally:
        await server.stop(STOP_TIMEOUT_S)


def _credentials(certificate: Certificate) -> ServerCredentials:
    def now() -> ServerCertificateConfiguration:
        """Asked for each connection."""
        return _configuration(certificate.current())

    return dynamic_ssl_server_credentials(now(), now)


def _configuration(pair: Pair) -> ServerCertificateConfiguration:
    return ssl_server_certificate_configuration([(pair.key, pair.chain)])
