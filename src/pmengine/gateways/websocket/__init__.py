"""The WebSocket door: the depth of markets, pushed when it changes."""

from pmengine.gateways.websocket.endpoint import DepthEndpoint

__all__ = ["DepthEndpoint"]
