"""The services that can run as processes, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pmengine.processes.api import api, websocket_depth
from pmengine.processes.asset import asset
from pmengine.processes.deployment import Deployment
from pmengine.processes.depth import DepthProcess
from pmengine.processes.engine import EngineProcess
from pmengine.processes.event import EventProcess
from pmengine.processes.history import HistoryProcess
from pmengine.processes.relay import processor, relay
from pmengine.processes.service import Service
from pmengine.processes.settlement import SettlementProcess
from pmengine.processes.store import StoreProcess
from pmengine.processes.websocket_user import UserGatewayProcess

SERVICES: Final[Mapping[str, Callable[[Deployment], Service]]] = MappingProxyType(
    {
        "engine": EngineProcess,
        "relay": relay,
        "processor": processor,
        "settlement": SettlementProcess,
        "store": StoreProcess,
        "history": HistoryProcess,
        "depth": DepthProcess,
        "api": api,
        "websocket-depth": websocket_depth,
        "websocket-user": UserGatewayProcess,
        "asset": asset,
        "event": EventProcess,
    }
)
