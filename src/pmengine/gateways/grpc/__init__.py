"""The gRPC door: the asset service, over the same operations as the HTTP API."""

import os

# A copy of this process, which takes a snapshot, calls nothing of gRPC, and what gRPC does by
# itself at a fork kills some copies. Only the environment tells it, before it is imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from pmengine.gateways.grpc.server import serving_asset
from pmengine.gateways.grpc.service import AssetService

__all__ = ["AssetService", "serving_asset"]
