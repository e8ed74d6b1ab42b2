"""The WebSocket door: the depth of markets, and what a user has, pushed when it changes."""

from pmengine.gateways.websocket.endpoint import DepthEndpoint
from pmengine.gateways.websocket.user_endpoint import UserEndpoint

__all__ = ["DepthEndpoint", "UserEndpoint"]
