"""The sqlite backend keeps every law of the kit, crashes and damage included."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from pmstore.backends.sqlite import (
    SqliteAccountStore,
    SqliteEventStore,
    SqliteLedgerStore,
    SqliteOrderStore,
    SqliteSnapshotStore,
    SqliteTradeStore,
)
from pmstore.protocols.store import Store
from pmstore.testing import (
    ManualClock,
    Rig,
    account_store_clauses,
    conformance,
    event_store_clauses,
    ledger_store_clauses,
    order_store_clauses,
    snapshot_store_clauses,
    trade_store_clauses,
)
from tests.thorough import histories

S = TypeVar("S", bound=Store)

clock = ManualClock()
FILE = "pmstore.db"
places: dict[int, Path] = {}


def at_places(make: Callable[[Path], S]) -> Callable[[Path], S]:
    """Remember where each store has its file: a crash needs it."""

    def open_store(place: Path) -> S:
        store = make(place / FILE)
        places[id(store)] = place
        return store

    return open_store


async def crash(store: Store) -> None:
    """
    Leave the place as a kill would: what the file and its log hold now, and nothing later.

    Closing moves the log into the file; what they were before is put back.
    """
    place = places[id(store)]
    left = {path: path.read_bytes() for path in (place / FILE, place / f"{FILE}-wal")}
    await store.__aexit__(None, None, None)
    for path in place.iterdir():
        path.unlink()
    for path, content in left.items():
        path.write_bytes(content)


def damage(place: Path, name: str) -> None:
    """Turn a bit of a stored generation around."""
    with closing(sqlite3.connect(place / FILE)) as connection, connection:
        where = "WHERE generation = ? AND part = 0"
        select = f"SELECT content FROM snapshot_parts {where}"
        content = bytearray(connection.execute(select, (int(name),)).fetchone()[0])
        content[10] ^= 1
        connection.execute(
            f"UPDATE snapshot_parts SET content = ? {where}", (bytes(content), int(name))
        )


def elsewhere(contract: str) -> Callable[[Path], tuple[str, ...]]:
    """Another process opens the same file by its URL."""
    return lambda place: (f"pmstore:open_{contract}_store", f"sqlite:///{place / FILE}")


def rig(contract: str, make: Callable[[Path], S], **declared: Any) -> Rig[S]:
    return Rig(
        open=at_places(make),
        durable=True,
        crash=crash,
        shared=True,
        elsewhere=elsewhere(contract),
        **histories(8),
        **declared,
    )


test_orders = conformance(
    order_store_clauses,
    rig(
        "order",
        lambda file: SqliteOrderStore(file, clock=clock, tombstone_s=60),
        positioned=True,
        clock=clock,
        tombstone_s=60,
    ),
)
test_trades = conformance(
    trade_store_clauses, rig("trade", lambda file: SqliteTradeStore(file), positioned=True)
)
test_accounts = conformance(
    account_store_clauses, rig("account", lambda file: SqliteAccountStore(file), positioned=True)
)
test_events = conformance(event_store_clauses, rig("event", lambda file: SqliteEventStore(file)))
test_ledger = conformance(
    ledger_store_clauses, rig("ledger", lambda file: SqliteLedgerStore(file), positioned=True)
)
test_snapshots = conformance(
    snapshot_store_clauses,
    rig("snapshot", lambda file: SqliteSnapshotStore(file), damage=damage),
)
