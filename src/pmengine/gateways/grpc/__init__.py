"""The gRPC door: the asset service, over the same operations as the HTTP API."""

from pmengine.gateways.grpc.server import serving_asset
from pmengine.gateways.grpc.service import AssetService

__all__ = ["AssetService", "serving_asset"]
