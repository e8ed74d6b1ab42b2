"""Stores made of stores."""

from pmstore.layers.building import Placed, layered
from pmstore.layers.options import LayerOptions, Policy
from pmstore.layers.recent_trades import recent_trades

__all__ = ["LayerOptions", "Placed", "Policy", "layered", "recent_trades"]
