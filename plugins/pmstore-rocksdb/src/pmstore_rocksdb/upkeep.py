"""Counting, emptying and shortening a database."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from typing import Final

from pmstore import StoreUnavailable, TradeQuery, WriteOutcome, WriterLocked
from pmstore.codec import decode_trade
from pmstore_rocksdb.config import RocksConfig
from pmstore_rocksdb.database import is_open_here
from pmstore_rocksdb.draft import Draft
from pmstore_rocksdb.residence import Residence
from pmstore_rocksdb.trade_store import candidates, forget
from pmstore_rocksdb.view import Reading

_PRUNED_AT_ONCE: Final = 10_000

_COUNTED: Final = {
    "orders": ("orders", b""),
    "tombstones": ("tombstones", b"s"),
    "trades": ("trades", b""),
    "balances": ("balances", b""),
    "events": ("events", b""),
    "snapshots": ("snapshots", b""),
    "positions": ("positions", b""),
}
"""A word for each kind of record, and the family and prefix of its keys."""


class RocksUpkeep:
    """The `Upkeep` of a folder; it must not be open in another process."""

    async def contents(self, config: RocksConfig, /) -> Mapping[str, int]:
        """How many records of each kind are there; grows with them."""
        if not config.path.exists():
            return {}
        async with Residence(config.path, contract="upkeep") as residence:
            counts = await residence.database.read(_count)
        return {word: count for word, count in counts.items() if count}

    async def wipe(self, config: RocksConfig, /) -> None:
        """Delete the folder."""
        if not config.path.exists():
            return
        if is_open_here(config.path):
            raise WriterLocked(f"{config.path} is open in this process; leave its stores first")
        # Refuses what another process has open, and what is no database of ours.
        async with Residence(config.path, contract="upkeep"):
            pass
        try:
            await asyncio.to_thread(shutil.rmtree, config.path)
        except OSError as error:
            raise StoreUnavailable(
                f"{config.path}: {error}", outcome=WriteOutcome.UNKNOWN
            ) from error

    async def prune_trades(self, config: RocksConfig, before_ms: int, /) -> int:
        """Delete the trades before *before_ms*, some at a time."""
        if not config.path.exists():
            return 0
        removed = 0
        async with Residence(config.path, contract="upkeep") as residence:
            while True:
                gone = await residence.database.write(lambda draft: _prune(draft, before_ms))
                removed += gone
                if gone < _PRUNED_AT_ONCE:
                    return removed


def _count(view: Reading) -> dict[str, int]:
    return {
        word: sum(1 for _ in view.ascending(family, prefix))
        for word, (family, prefix) in _COUNTED.items()
    }


def _prune(draft: Draft, before_ms: int) -> int:
    count = 0
    for key in candidates(draft.view, TradeQuery(end_ms=before_ms)):
        value = draft.get("trades", key)
        if value is not None:
            forget(draft, key, decode_trade(value, f"trade {int.from_bytes(key, 'big')}"))
            count += 1
            if count == _PRUNED_AT_ONCE:
                break
    return count
