"""Stores made of stores."""

from pmstore.layers.recent_trades import recent_trades

__all__ = ["recent_trades"]
