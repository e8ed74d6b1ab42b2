"""Stores in files: a stream, snapshots and an audit log of trades."""
