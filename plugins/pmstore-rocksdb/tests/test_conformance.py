"""The backend keeps every law of the kit."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

from rocksdict import Options, Rdict

import pmstore_rocksdb as backend
from pmstore import StoreUnavailable
from pmstore.testing import (
    ManualClock,
    Rig,
    account_store_clauses,
    conformance,
    event_store_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    trade_store_clauses,
)
from pmstore_rocksdb.draft import Draft
from pmstore_rocksdb.residence import Residence

clock = ManualClock()
EXAMPLES = 3 * int(os.environ.get("PM_THOROUGH", "1"))
"""Making a database takes longer than all that an example does with it."""


def open_orders(place: Path) -> backend.RocksOrderStore:
    return backend.RocksOrderStore(place / "db", clock=clock, tombstone_s=60)


async def crash(store: Residence) -> None:
    """
    Leave the files as a kill would: as they are now, without what closing writes.

    The writer is held up between judging a group of writes and writing it; what it had
    written before is in the files, as it would be after a kill. (`elsewhere` and
    `test_crash.py` kill real processes, also in the middle of a write.)
    """
    held_up, go_on = threading.Event(), threading.Event()

    def hold_up(draft: Draft) -> None:
        held_up.set()
        go_on.wait()

    holding = asyncio.ensure_future(store.database.write(hold_up))
    await asyncio.to_thread(held_up.wait)
    # A compaction in the background would change files between two that are copied. (A bound
    # method would let the thread hold the database for a moment longer than its answer.)
    await asyncio.to_thread(lambda: store.database._rocks.cancel_all_background(True))
    folder = store.database.path
    image = folder.with_suffix(".image")
    shutil.copytree(folder, image)
    go_on.set()
    with suppress(StoreUnavailable):
        await holding
    await store.__aexit__(None, None, None)
    shutil.rmtree(folder)
    image.rename(folder)


def damage(place: Path, name: str) -> None:
    """Change one byte in the middle of a generation."""
    families = {one: Options(raw_mode=True) for one in Rdict.list_cf(str(place / "db"))}
    rocks = Rdict(str(place / "db"), Options(raw_mode=True), families)
    pieces = rocks.get_column_family("snapshot_pieces")
    key = int(name).to_bytes(8, "big") + bytes(8)
    piece = bytearray(pieces.get(key))
    piece[len(piece) // 2] ^= 1
    pieces.put(key, bytes(piece))
    pieces.close()
    rocks.close()


test_orders = conformance(
    order_store_clauses,
    Rig(
        open=open_orders,
        durable=True,
        positioned=True,
        clock=clock,
        tombstone_s=60,
        crash=crash,
        examples=EXAMPLES,
        elsewhere=lambda place: ("pmstore:open_order_store", f"rocksdb:{place}/db"),
    ),
)
test_trades = conformance(
    trade_store_clauses,
    Rig(
        open=lambda place: backend.RocksTradeStore(place / "db"),
        durable=True,
        positioned=True,
        crash=crash,
        examples=EXAMPLES,
        elsewhere=lambda place: ("pmstore:open_trade_store", f"rocksdb:{place}/db"),
    ),
)
test_accounts = conformance(
    account_store_clauses,
    Rig(
        open=lambda place: backend.RocksAccountStore(place / "db"),
        durable=True,
        positioned=True,
        crash=crash,
        examples=EXAMPLES,
        elsewhere=lambda place: ("pmstore:open_account_store", f"rocksdb:{place}/db"),
    ),
)
test_events = conformance(
    event_store_clauses,
    Rig(
        open=lambda place: backend.RocksEventStore(place / "db"),
        durable=True,
        crash=crash,
        examples=EXAMPLES,
        elsewhere=lambda place: ("pmstore:open_event_store", f"rocksdb:{place}/db"),
    ),
)
test_snapshots = conformance(
    snapshot_store_clauses,
    Rig(
        open=lambda place: backend.RocksSnapshotStore(place / "db"),
        durable=True,
        crash=crash,
        examples=EXAMPLES,
        elsewhere=lambda place: ("pmstore:open_snapshot_store", f"rocksdb:{place}/db"),
        damage=damage,
    ),
)
