"""Data of a real exchange, and its log as a writer with a bug writes it: with valid hashes."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from pmengine.assembly import open_exchange
from pmengine.commands import SubmitOrder
from pmengine.engine import ID_MEMORY_S
from pmengine.sample import sample_command, sample_setup
from pmengine.services.log import STORE_STREAM
from pmengine.services.verifying import Report, Verifier, open_verifier
from pmengine.settings import Settings
from pmstore import START, Batch, Entry, TimeInForce, open_stores_to_read
from pmstore.backends.file import FileStream
from pmstore.codec import GENESIS_HASH, decode_batch, encode_batch, encode_changes
from pmstore.settings import StorageSettings
from pmstore.testing import ManualClock
from tests.engine.speaking import Speaker
from tests.services.rig import DEADLINE_S

COMMANDS = 600
Rewrite = Callable[[list[Batch]], None]


async def trade_into(folder: Path, *, start: int = 0, **settings: Any) -> None:
    """Run an exchange on *folder* twice, so that it has two snapshots and a log behind each."""
    for begin in (start, start + COMMANDS // 2):
        storage = StorageSettings(data_dir=folder)
        async with open_exchange(Settings(storage=storage, **settings)) as exchange:
            if not begin:
                for command in sample_setup():
                    await exchange.front.send(command, DEADLINE_S)
            for index in range(begin, begin + COMMANDS // 2, 20):
                some = [sample_command(one) for one in range(index, index + 20)]
                await asyncio.gather(*[exchange.front.send(one, DEADLINE_S) for one in some])


FEATURES = """
admin list 7/1 fy fn fees quadratic 3000/7000
ann deposit d 9000000
bob deposit d 9000000
bob split s 7/1 100
ann group g 10 per 60000
bob sell b1 fy 6 @4000
ann buy a1 fy 20 @5000 group g
ann buy a2 fn 5 @4000
ann buy a3 fy 5 @3000 group g
bob sell b2 fy 4 @5000
ann spend a4 fy 30000
ann buy a5 fn 5 @3000
ann amend a5 x3
ann cancel-all of 7
ann heartbeat s 150
ann buy late fy 1 @2000 session s
admin list 8 A/a B/b C/c exclusive fees linear 1000/2000
ann split t 8 10
ann split u 8/1 4
ann convert c 8 1 3
ann sell x1 A 2 @6000
bob buy x2 A 2 @6500
ann merge m 8 2
admin resolve 8 10000/0 0/10000 0/10000
admin pause 7/1
admin resume 7/1
"""
"""Fees, a group, a session, cancel-all, an exclusive event: what the sample flow does not have."""


async def use_everything(folder: Path) -> None:
    """Let an exchange on *folder* do what `FEATURES` says, and wait for what ends by time."""
    speaker = Speaker()
    async with open_exchange(Settings(storage=StorageSettings(data_dir=folder))) as exchange:
        for line in FEATURES.strip().split("\n"):
            answer = await exchange.front.send(speaker.command(line), DEADLINE_S)
            assert answer.refusal is None, (line, answer.refusal)
        limited = speaker.command("bob buy short fy 1 @1000")
        assert isinstance(limited, SubmitOrder)
        soon = msgspec.structs.replace(
            limited,
            time_in_force=TimeInForce.GTD,
            expires_at_ms=exchange.engine.engine.time_ms + 150,
        )
        assert (await exchange.front.send(soon, DEADLINE_S)).refusal is None
        async with asyncio.timeout(DEADLINE_S):
            while any(exchange.engine.engine.find_order(one) for one in ("late", "short")):
                await asyncio.sleep(0.01)


def log_folder(folder: Path) -> Path:
    """Where the log of a data folder is."""
    return folder / "streams" / STORE_STREAM


async def entries_of(folder: Path) -> list[Entry]:
    """Every entry of the log."""
    async with FileStream(log_folder(folder), readonly=True) as stream:
        return await stream.read(START, 100_000)


async def write_log(folder: Path, entries: list[tuple[int, bytes]]) -> None:
    """Let the log be *entries*, each with its millisecond, and nothing else."""
    shutil.rmtree(log_folder(folder))
    clock = ManualClock()
    async with FileStream(log_folder(folder), clock=clock, fsync="never") as stream:
        for ms, payload in entries:
            clock.now_ms = ms
            await stream.append([payload])


async def rewrite(folder: Path, change: Rewrite) -> None:
    """Let *change* falsify the batches of the log, and chain them again."""
    entries = await entries_of(folder)
    batches = [decode_batch(entry.payload, str(entry.id)) for entry in entries]
    change(batches)
    written: list[tuple[int, bytes]] = []
    prev_hash = GENESIS_HASH
    for entry, batch in zip(entries, batches, strict=False):
        payload, prev_hash = encode_batch(
            batch.number,
            batch.epoch,
            batch.time,
            prev_hash,
            batch.input,
            encode_changes(batch.changes),
        )
        written.append((entry.id.ms, payload))
    await write_log(folder, written)
    assert [entry.id for entry in await entries_of(folder)] == [entry.id for entry in entries]


@asynccontextmanager
async def verifier_of(folder: Path, **options: Any) -> AsyncIterator[tuple[Verifier, int]]:
    """A verifier of a data folder, and the number of the log's last entry."""
    storage = StorageSettings(data_dir=folder)
    async with open_stores_to_read(settings=storage) as stores:
        yield await open_verifier(stores, id_memory_s=ID_MEMORY_S, **options)


async def verified(folder: Path, **options: Any) -> Report:
    """What a verification of a data folder finds."""
    async with verifier_of(folder, **options) as (verifier, through):
        return await verifier.run(through=through)
