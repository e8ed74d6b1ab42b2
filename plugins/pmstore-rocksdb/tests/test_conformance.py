"""The backend keeps every law of the kit."""

from __future__ import annotations

import shutil
from pathlib import Path

from rocksdict import Options, Rdict

import pmstore_rocksdb as backend
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
from pmstore_rocksdb.residence import Residence

clock = ManualClock()


def open_orders(place: Path) -> backend.RocksOrderStore:
    return backend.RocksOrderStore(place / "db", clock=clock, tombstone_s=60)


async def crash(store: Residence) -> None:
    """
    Leave the files as a kill would: as they are now, without what closing writes.

    What this process has handed to the system survives its death; the answered writes are in
    a file by then. (`test_crash.py` kills real processes.)
    """
    folder = store.database.path
    image = folder.with_suffix(".image")
    while not image.exists():
        try:
            shutil.copytree(folder, image)
        except shutil.Error:
            # RocksDB tidied a file away in the middle of the copy.
            shutil.rmtree(image)
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
        # Making a database takes longer than all that an example does with it.
        examples=10,
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
        elsewhere=lambda place: ("pmstore:open_account_store", f"rocksdb:{place}/db"),
    ),
)
test_events = conformance(
    event_store_clauses,
    Rig(
        open=lambda place: backend.RocksEventStore(place / "db"),
        durable=True,
        crash=crash,
        elsewhere=lambda place: ("pmstore:open_event_store", f"rocksdb:{place}/db"),
    ),
)
test_snapshots = conformance(
    snapshot_store_clauses,
    Rig(
        open=lambda place: backend.RocksSnapshotStore(place / "db"),
        durable=True,
        crash=crash,
        elsewhere=lambda place: ("pmstore:open_snapshot_store", f"rocksdb:{place}/db"),
        damage=damage,
    ),
)
