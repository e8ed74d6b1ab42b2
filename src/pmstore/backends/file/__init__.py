"""Stores in files: streams, snapshots and an audit log of trades."""

import attrs

from pmstore.backends.file.audit_verify import FileAuditReport, verify_audit_log
from pmstore.backends.file.config import FileConfig
from pmstore.backends.file.diagnosis import diagnose
from pmstore.backends.file.disk import Disk
from pmstore.backends.file.snapshot_store import FileSnapshotStore
from pmstore.backends.file.stream import FileStream
from pmstore.backends.file.torn_tail import TornTail
from pmstore.backends.file.trade_follower import FileTradeFollower
from pmstore.backends.file.trade_store import FileTradeStore
from pmstore.backends.file.upkeep import FileUpkeep, scratch
from pmstore.plugin import AuditReport, Backend, config_from, hookimpl
from pmstore.protocols import SnapshotStore, Stream, TradeStore

__all__ = [
    "Disk",
    "FileAuditReport",
    "FileConfig",
    "FileSnapshotStore",
    "FileStream",
    "FileTradeFollower",
    "FileTradeStore",
    "TornTail",
    "pmstore_backend",
    "verify_audit_log",
]


@hookimpl
def pmstore_backend() -> Backend:
    """Describe the backend: streams and snapshots in folders, trades in an audit log."""
    return Backend(
        name="file",
        schemes=("file",),
        shared=False,
        config=lambda url: config_from(FileConfig, url),
        contracts={"trades": _trades, "snapshots": _snapshots, "stream": _stream},
        audit=_audit,
        read_only=lambda config: attrs.evolve(config, readonly=True),
        diagnose=diagnose,
        upkeep=FileUpkeep(),
        scratch=scratch,
    )


def _trades(config: FileConfig) -> TradeStore:
    if config.readonly:
        return FileTradeFollower(config.path)
    return FileTradeStore(
        config.path,
        fsync=config.fsync,
        fsync_interval_s=config.fsync_interval_s,
        rotate_bytes_max=config.rotate_bytes_max,
    )


def _snapshots(config: FileConfig) -> SnapshotStore:
    return FileSnapshotStore(config.path, readonly=config.readonly)


def _stream(config: FileConfig, name: str) -> Stream:
    return FileStream(
        config.path / name,
        fsync=config.fsync,
        fsync_interval_s=config.fsync_interval_s,
        segment_bytes_max=config.segment_bytes_max,
        readonly=config.readonly,
    )


def _audit(config: FileConfig) -> AuditReport:
    return verify_audit_log(config.path)
