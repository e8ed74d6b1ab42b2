"""A start passes over a snapshot that is as it was written and has a row that nobody can read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pmengine.engine import ID_MEMORY_S
from pmengine.services.folding import Fold
from pmengine.services.log import Log, LogReader, WrittenLog
from pmengine.services.recovery import recover_as
from pmstore import State
from pmstore.backends.file import FileSnapshotStore
from pmstore.backends.memory import MemoryStream
from pmstore.written import WrittenState
from tests.services.rig import NOW_MS, engine_on, flow, recover_on, store_on


@pytest.mark.parametrize(
    ("kind", "reader", "unreadable"),
    [
        (State, Log, b'"side":"Both"'),
        (State, Log, b'"order_num":"first"'),
        (WrittenState, WrittenLog, b'"order_num":"first"'),
    ],
)
async def test_an_older_snapshot_is_begun_with(
    kind: type[Fold], reader: type[LogReader[object]], unreadable: bytes, tmp_path: Path
) -> None:
    async with (
        MemoryStream() as log,
        FileSnapshotStore(tmp_path) as snapshots,
        engine_on(log, snapshots) as engine,
    ):
        store = store_on(log, snapshots, await recover_on(log, snapshots))
        for start in (0, 60):
            await engine.take(flow(start, start + 60))
            await store.catch_up()
            older = store.saved
            await store.save()
        assert older is not None
        newest = sorted(tmp_path.glob("orders_snapshot.0*.json"))[-1]
        name, _, _ = unreadable.partition(b":")
        before, found, rest = newest.read_bytes().partition(b"%b:" % name)
        changed = before + unreadable + b"," + found + rest
        text, _, _ = changed.rpartition(b'"checksum":')
        checksum = hashlib.sha256(text).hexdigest().encode()
        newest.write_bytes(b'%b"checksum":"%b"}\n' % (text, checksum))
        found_state = await recover_as(
            kind, reader(log), snapshots, id_memory_s=ID_MEMORY_S, now_ms=NOW_MS
        )
        assert found_state.snapshot == older.number
        assert found_state.state.digest() == store.state.digest()
