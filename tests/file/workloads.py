"""Scripted work on each store, and what must be true of what a crash leaves of it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, Protocol

from pmstore.backends.file import (
    Disk,
    FileSnapshotStore,
    FileStream,
    FileTradeStore,
    verify_audit_log,
)
from pmstore.errors import BrokenSnapshotWarning, Fenced
from pmstore.models.order import Side
from pmstore.models.position import START, Entry, Position
from pmstore.models.query import LIMIT_MAX, TradeQuery
from pmstore.models.snapshot import Snapshot
from pmstore.models.symbol import Symbol
from pmstore.models.trade import MatchType, Trade

Acknowledge = Callable[[str], None]


class Workload(Protocol):
    """A script of writes, and the check of what is left of them."""

    async def run(self, folder: Path, disk: Disk, acknowledge: Acknowledge) -> None:
        """Do all the writes, acknowledging each as soon as it is answered."""
        ...

    async def check(self, folder: Path, acknowledged: Sequence[str]) -> None:
        """What was acknowledged is kept, nothing is invented, and writing goes on."""
        ...


class StreamWorkload:
    """Appends of one and of several items, rolling segments, an epoch, a trim, a reopening."""

    trim_at: Final = 15

    def __init__(self) -> None:
        self.appends = [
            [f"{number}.{item}".encode() * 20 for item in range(number % 4 + 1)]
            for number in range(24)
        ]

    def _stream(self, folder: Path, disk: Disk | None = None) -> FileStream:
        # The clock stands still and goes back after the crash: ids must grow all the same.
        now_ms = 1000 if disk is not None else 5
        return FileStream(
            folder,
            fsync="never" if disk is None else "always",
            segment_bytes_max=1024,
            clock=lambda: now_ms,
            disk=disk,
        )

    async def run(self, folder: Path, disk: Disk, acknowledge: Acknowledge) -> None:
        for numbers in (range(12), range(12, 24)):
            async with self._stream(folder, disk) as stream:
                for number in numbers:
                    epoch = number // 8 + 1
                    last = await stream.append(self.appends[number], epoch=epoch)
                    acknowledge(f"{number} {epoch} {last}")
                    if number == self.trim_at:
                        await stream.trim(Position(last.ms, last.seq - 3))
                        acknowledge("trimmed")

    async def check(self, folder: Path, acknowledged: Sequence[str]) -> None:
        answers = [line.split() for line in acknowledged if line != "trimmed"]
        async with self._stream(folder) as stream:
            entries = await stream.read(START, 1000)
            payloads = [entry.payload for entry in entries]
            whole = self._whole(payloads, trimmed=len(answers) > self.trim_at)
            assert whole >= len(answers), f"{len(answers)} acknowledged, {whole} there"
            by_id = {entry.id: entry for entry in entries}
            for number, _, last in answers:
                found = by_id.get(Position.parse(last))
                if found is not None:
                    assert found.payload == self.appends[int(number)][-1]
            assert [entry.id for entry in entries] == sorted({entry.id for entry in entries})
            bounds = await stream.bounds()
            assert (bounds is None) == (not entries)
            if bounds is not None:
                assert bounds == (entries[0], entries[-1])
            await stream.trim(Position(2**63, 0))
            assert not bounds or (await stream.read(START, 1000))[-1] == bounds.last
            await self._goes_on(stream, entries, [int(epoch) for _, epoch, _ in answers])
            kept = await stream.read(START, 1000)
        async with self._stream(folder) as stream:
            assert stream.recovered is None
            assert await stream.read(START, 1000) == kept

    def _whole(self, payloads: list[bytes], *, trimmed: bool) -> int:
        """How many appends are there, each of them whole, from the first or the trimmed one on."""
        for count in range(len(self.appends), -1, -1):
            planned = [item for items in self.appends[:count] for item in items]
            kept = planned[len(planned) - len(payloads) :] if trimmed else planned
            if kept == payloads and (payloads or not count):
                return count
        raise AssertionError(f"what is there was never written so: {payloads}")

    async def _goes_on(
        self, stream: FileStream, entries: Sequence[Entry], epochs: Sequence[int]
    ) -> None:
        if epochs and max(epochs) > 1:
            try:
                await stream.append([b"of an old epoch"], epoch=max(epochs) - 1)
            except Fenced:
                pass
            else:
                raise AssertionError("the epoch was forgotten")
        new = await stream.append([b"new"])
        assert not entries or new > entries[-1].id
        assert await stream.read(entries[-1].id if entries else START, 10) == [Entry(new, b"new")]


class SnapshotWorkload:
    """Saves and prunings, the first of them over a file of the source."""

    foreign = b'{"snapshots":[],"events":{},"timestamp":5,"last_message_id":"5-0"}'

    def snapshot(self, number: int, *, skipped: Sequence[str] = ()) -> Snapshot:
        return Snapshot(
            orders=[],
            events={},
            timestamp=10 + number,
            last_message_id=Position(number, 0),
            number=number,
            hash=f"hash {number}",
            input_position={"order_input_stream": Position(number, 1)},
            skipped=list(skipped),
        )

    async def run(self, folder: Path, disk: Disk, acknowledge: Acknowledge) -> None:
        disk.replace_file(folder / "orders_snapshot.json", self.foreign)
        acknowledge("foreign")
        async with FileSnapshotStore(folder, disk=disk) as store:
            for number in range(1, 5):
                await store.save(self.snapshot(number))
                acknowledge(str(number))
                await store.prune(2)

    async def check(self, folder: Path, acknowledged: Sequence[str]) -> None:
        saved = [int(line) for line in acknowledged if line != "foreign"]
        async with FileSnapshotStore(folder) as store:
            with warnings.catch_warnings():
                warnings.simplefilter("error", BrokenSnapshotWarning)
                loaded = await store.load()
            infos = await store.list()
            assert [info.problem for info in infos if info.problem] == []
            if not acknowledged and loaded is None:
                return
            assert loaded is not None
            assert loaded.number in {max(saved, default=0), max(saved, default=0) + 1}
            if loaded.number:
                assert loaded == self.snapshot(loaded.number)
            if acknowledged and len(saved) <= 1:
                assert 5 in {info.timestamp for info in infos}, "the source's file is gone"
            numbers = [info.number for info in infos]
            assert numbers == sorted(numbers)
            # Two are kept, the one that a crash cut off from its pruning beside them.
            assert set(numbers) >= set(saved[-2:])
            again = await store.save(self.snapshot(9))
            assert (await store.list())[-1] == again
            assert await store.load() == self.snapshot(9)


class TradeWorkload:
    """Appends of one and of several trades, rotation with compression, a reopening."""

    symbol = Symbol(1, 1, "yes")

    def trade(self, number: int) -> Trade:
        return Trade(
            trade_id=number * 1024,
            match_type=MatchType.NORMAL,
            taker_order_id=f"taker {number}",
            maker_order_id=f"maker {number}",
            taker_user_id="ann",
            maker_user_id="bob",
            symbol=self.symbol,
            maker_symbol=self.symbol,
            side=Side.BUY,
            maker_side=Side.SELL,
            price=5000,
            maker_price=5000,
            quantity=100,
            timestamp=1_704_110_400_000 + number // 2,
            taker_is_bid=True,
        )

    @property
    def appends(self) -> list[list[Trade]]:
        numbers = iter(range(1, 100))
        return [[self.trade(next(numbers)) for _ in range(size % 3 + 1)] for size in range(12)]

    def _store(self, path: Path, disk: Disk | None = None) -> FileTradeStore:
        return FileTradeStore(
            path / "trades.log",
            fsync="never" if disk is None else "always",
            rotate_bytes_max=4000,
            disk=disk,
        )

    async def run(self, folder: Path, disk: Disk, acknowledge: Acknowledge) -> None:
        for half in (slice(0, 6), slice(6, 12)):
            async with self._store(folder, disk) as store:
                for number, trades in list(enumerate(self.appends))[half]:
                    await store.append(trades)
                    acknowledge(str(number))

    async def check(self, folder: Path, acknowledged: Sequence[str]) -> None:
        if (folder / "trades.log").exists():
            # Before it is repaired: a crash is no tampering.
            assert verify_audit_log(folder / "trades.log").problems == ()
        async with self._store(folder) as store:
            found = (await store.find(TradeQuery(limit=LIMIT_MAX))).items
            appends = self.appends
            counts = [
                count
                for count in range(len(appends) + 1)
                if sorted(found, key=_trade_id) == list(chain.from_iterable(appends[:count]))
            ]
            assert counts, f"what is there was never written so: {found}"
            assert counts[0] >= len(acknowledged)
            # Asking again for what was not answered completes it and doubles nothing.
            for trades in appends:
                await store.append(trades)
            found = (await store.find(TradeQuery(limit=LIMIT_MAX))).items
            wanted = sorted(chain.from_iterable(appends), key=_newest_first, reverse=True)
            assert list(found) == wanted
        report = verify_audit_log(folder / "trades.log")
        assert report.problems == ()
        assert report.count == len(wanted)


def _trade_id(trade: Trade) -> int:
    return trade.trade_id


def _newest_first(trade: Trade) -> tuple[int, int]:
    return trade.timestamp, trade.trade_id


WORKLOADS: dict[str, Workload] = {
    "stream": StreamWorkload(),
    "snapshots": SnapshotWorkload(),
    "trades": TradeWorkload(),
}


def run(name: str, folder: Path, disk: Disk, acknowledge: Acknowledge) -> None:
    """Run a workload in a loop of its own."""
    asyncio.run(WORKLOADS[name].run(folder, disk, acknowledge))


def check(name: str, folder: Path, acknowledged: Sequence[str]) -> None:
    """Check what is left of it."""
    asyncio.run(WORKLOADS[name].check(folder, acknowledged))
