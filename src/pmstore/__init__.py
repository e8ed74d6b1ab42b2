"""Stores for orders, trades, snapshots and streams behind small contracts."""
