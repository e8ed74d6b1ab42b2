"""The HTTP door: requests become commands, outcomes become answers."""

from pmengine.gateways.http.application import create_app, create_depth_app
from pmengine.gateways.http.server import serving
from pmengine.gateways.http.user_application import create_user_app
from pmengine.gateways.venue import Venue

__all__ = ["Venue", "create_app", "create_depth_app", "create_user_app", "serving"]
