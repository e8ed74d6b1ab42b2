"""The sqlite backend keeps every law of the kit, crashes and damage included."""

from __future__ import annotations

import shutil
from pathlib import Path

from pmstore.backends.sqlite import SqliteOrderStore
from pmstore.protocols.store import Store
from pmstore.testing import (
    ManualClock,
    Rig,
    conformance,
    order_store_clauses,
)

clock = ManualClock()
FILE = "pmstore.db"
places: dict[Store, Path] = {}


def open_orders(place: Path) -> SqliteOrderStore:
    store = SqliteOrderStore(place / FILE, clock=clock, tombstone_s=60)
    places[store] = place
    return store


async def crash(store: Store) -> None:
    """
    Leave the place as a kill would: what the disk has now, without what closing does.

    Closing moves the write-ahead log into the file; the copies from before it are put back.
    """
    place = places.pop(store)
    left = {name: (place / name).read_bytes() for name in (FILE, f"{FILE}-wal")}
    await store.__aexit__(None, None, None)
    shutil.rmtree(place)
    place.mkdir()
    for name, content in left.items():
        (place / name).write_bytes(content)


test_orders = conformance(
    order_store_clauses,
    Rig(
        open=open_orders,
        durable=True,
        positioned=True,
        clock=clock,
        tombstone_s=60,
        crash=crash,
        shared=True,
        elsewhere=lambda place: (
            "pmstore:open_order_store",
            f"sqlite:///{place / FILE}",
        ),
    ),
)
