"""The asset service as a process: gRPC, over what an API process has."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from pmengine.gateways.venue import Venue
from pmengine.processes.api import GatewayProcess
from pmengine.processes.deployment import Deployment

if TYPE_CHECKING:
    from pmengine.gateways.grpc import AssetService


def asset(deployment: Deployment) -> GatewayProcess:
    """Money, tokens and orders over gRPC; one of any number."""
    settings = deployment.settings
    service: AssetService | None = None

    def serve(venue: Venue) -> AbstractAsyncContextManager[str]:
        # Other services know this one by name, and need no gRPC in their memory.
        from pmengine.gateways.grpc import AssetService, serving_asset

        nonlocal service
        service = AssetService(venue)
        return serving_asset(
            service, settings.asset_host, settings.asset_port, certificate=venue.certificate
        )

    def counted() -> Mapping[str, float]:
        return {} if service is None else service.numbers()

    return GatewayProcess(deployment, "asset", serve, counted=counted)
