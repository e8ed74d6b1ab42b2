"""Copies the records of one contract from store to store, a page at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from pmstore.cli.copy_state import CopyState
from pmstore.cli.records import Contract, Records
from pmstore.codec import decode_trade, encode_snapshot, encode_trade
from pmstore.errors import VersionConflict
from pmstore.models.query import LIMIT_MAX, TradeQuery
from pmstore.models.snapshot import Snapshot
from pmstore.protocols import SnapshotStore

Advance = Callable[[int], None]


async def copy_records(
    records: Records, source: Any, target: Any, state: CopyState, advance: Advance
) -> None:
    """
    Write every record of *source* into *target*, from where *state* says on.

    Trades go through a file, since stores list them newest first and an audit log takes
    them oldest first.
    """
    if records.contract is Contract.TRADES:
        await _spool_trades(source, state, advance)
        await _write_spooled(target, state, advance)
        return
    cursor: str | None = state.values.get("cursor")
    if state.values.get("done"):
        return
    while True:
        page = await source.find(records.query(after=cursor, limit=LIMIT_MAX))
        await _write(records, target, page.items)
        advance(len(page.items))
        cursor = page.next
        state.note(cursor=cursor, done=cursor is None)
        if cursor is None:
            return


async def _write(records: Records, target: Any, items: Sequence[Any]) -> None:
    try:
        await records.write(target, items)
    except VersionConflict:
        # The target has others of its own: the rest is copied, the comparison names them.
        for one in items:
            try:
                await records.write(target, [one])
            except VersionConflict:
                continue


async def _spool_trades(source: Any, state: CopyState, advance: Advance) -> None:
    if state.values.get("spooled"):
        return
    query = TradeQuery(after=state.values.get("cursor"), limit=LIMIT_MAX)
    size: int = state.values.get("size", 0)
    while True:
        page = await source.find(query)
        # Oldest first inside the block too; encoded JSON has no newline.
        block = b"\n".join([encode_trade(trade) for trade in reversed(page.items)])
        size = state.spool.append(block, size)
        advance(len(page.items))
        state.note(cursor=page.next, size=size, spooled=page.next is None)
        if page.next is None:
            return
        query = attrs.evolve(query, after=page.next)


async def _write_spooled(target: Any, state: CopyState, advance: Advance) -> None:
    end = state.values.get("left", state.values["size"])
    for block, start in state.spool.backwards(end):
        trades = [decode_trade(line, "the spool of the copy") for line in block.splitlines()]
        await target.append(trades)
        advance(len(trades))
        state.note(left=start)


def snapshot_digest(snapshot: Snapshot) -> str:
    """SHA-256 of a snapshot's canonical JSON, in hex."""
    digest = hashlib.sha256()
    for part in encode_snapshot(snapshot):
        digest.update(part)
    return digest.hexdigest()


async def snapshot_digests(store: SnapshotStore) -> dict[str, str]:
    """The digest of every valid generation -> its name, oldest first."""
    digests: dict[str, str] = {}
    for one in await store.list():
        if one.problem is None:
            snapshot = await store.get(one.name)
            if snapshot is not None:
                digests[snapshot_digest(snapshot)] = one.name
    return digests


async def copy_snapshots(source: SnapshotStore, target: SnapshotStore, advance: Advance) -> None:
    """Save the valid generations of *source* that *target* does not have, oldest first."""
    known = await snapshot_digests(target)
    for one in await source.list():
        snapshot = None if one.problem is not None else await source.get(one.name)
        if snapshot is not None and snapshot_digest(snapshot) not in known:
            await target.save(snapshot)
        advance(1)
