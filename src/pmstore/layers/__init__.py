"""Stores made of stores."""

from pmstore.layers.building import Placed, layered
from pmstore.layers.options import LayerOptions, Policy
from pmstore.layers.recent_trades import recent_trades
from pmstore.layers.record_stores import (
    LayeredAccountStore,
    LayeredEventStore,
    LayeredOrderStore,
)
from pmstore.layers.trade_store import LayeredTradeStore

__all__ = [
    "LayerOptions",
    "LayeredAccountStore",
    "LayeredEventStore",
    "LayeredOrderStore",
    "LayeredTradeStore",
    "Placed",
    "Policy",
    "layered",
    "recent_trades",
]
