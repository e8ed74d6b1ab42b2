"""The store keeps every law of the kit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pmstore.testing import Rig, conformance, trade_store_clauses
from pmstore_duckdb import DuckTradeStore


def open_trades(place: Path) -> DuckTradeStore:
    return DuckTradeStore(place / "trades.duckdb")


async def crash(store: DuckTradeStore) -> None:
    """
    Leave the files as a kill would: as they are now, without what closing writes.

    (`elsewhere` kills real processes.)
    """
    folder = store._path.parent
    image = folder.with_suffix(".image")
    shutil.copytree(folder, image)
    await store.__aexit__(None, None, None)
    shutil.rmtree(folder)
    image.rename(folder)


test_trades = conformance(
    trade_store_clauses,
    Rig(
        open=open_trades,
        durable=True,
        positioned=True,
        # Opening a DuckDB takes 50 to 100 ms, and each history does it several times.
        examples=3 * int(os.environ.get("PM_THOROUGH", "1")),
        crash=crash,
        elsewhere=lambda place: ("pmstore:open_trade_store", f"duckdb:{place}/trades.duckdb"),
    ),
)
