"""Trades in an append-only audit log: NDJSON, chained by hashes, put aside by size."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pmstore.backends.file.audit_files import AuditFiles, Block, LogFile
from pmstore.backends.file.audit_lines import (
    BLOCK_LINES,
    ENDS,
    GOES_ON,
    SHARDS,
    add_block,
    join_append,
)
from pmstore.backends.file.audit_reader import AuditReader, View
from pmstore.backends.file.audit_writer import AuditWriter, Recovered, TradeAppend
from pmstore.backends.file.disk import Disk, unavailable
from pmstore.backends.file.fsync_policy import FsyncPolicy, SyncSchedule
from pmstore.backends.file.group_commit import GroupCommit
from pmstore.backends.file.storable import StorableTrades
from pmstore.backends.file.threads import in_thread
from pmstore.backends.file.torn_tail import TornTail
from pmstore.codec import encode_trade_lines
from pmstore.errors import (
    CorruptData,
    LimitExceeded,
    StoreClosed,
    StoreUnavailable,
    WriteOutcome,
)
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.storage.lifetime import Lifetime

_QUEUED_BYTES_MAX: Final = 64 * 1024 * 1024
_log = logging.getLogger(__name__)


class FileTradeStore(Lifetime):
    """
    A `TradeStore` in one file and those put aside from it; one writer by an OS lock.

    Trade ids grow per engine: an id at or below the last one of its engine shard (its
    remainder by 1024) is a repeat and changes nothing. Appends that wait at the same time
    share one write and one sync. After the first failed write or sync the store is closed
    for good. After a crash all of an append is there or nothing.

    Attributes:
        recovered: What the last opening cut from the tail, None if nothing.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fsync: FsyncPolicy = "always",
        fsync_interval_s: float = 0.1,
        rotate_bytes_max: int = 32 * 1024 * 1024,
        disk: Disk | None = None,
    ) -> None:
        """
        Describe an audit log; nothing is touched before `async with`.

        Args:
            path: The file; others with its name as their beginning lie beside it.
            fsync: As for `FileStream`; the head file is replaced after each sync.
            rotate_bytes_max: A file of that size is put aside and compressed.
        """
        if rotate_bytes_max < 1:
            raise ValueError(f"rotate_bytes_max is {rotate_bytes_max}; it takes more than 0")
        super().__init__()
        self._path = Path(path)
        self._rotate_bytes_max = rotate_bytes_max
        self._schedule = SyncSchedule(fsync, fsync_interval_s)
        self._files = AuditFiles(disk or Disk(), self._path)
        self._storable = StorableTrades()
        self.recovered: TornTail | None = None

    async def __aenter__(self) -> Self:
        if self._opened:
            raise StoreClosed(f"{self._path} is open already; open it once at a time")
        loop = asyncio.get_running_loop()
        opening = loop.run_in_executor(None, self._open_files)
        try:
            writer, found = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_undo_opening)
            raise
        self._changed: asyncio.Future[None] = loop.create_future()
        self._finding = asyncio.Lock()
        self._reader = AuditReader(self._files)
        self._log_files = found.files
        self._hash = found.hash
        self._last_ids = found.last_ids
        self._queued_bytes = 0
        self._failure: BaseException | None = None
        self._packing: set[asyncio.Future[None]] = set()
        self.recovered = found.torn
        if found.torn:
            _log.warning("cut a torn tail: %s", found.torn)
        self._group = GroupCommit(writer, self._settle, name=f"write {self._path.name}")
        for file in found.files[:-1]:
            if not file.packed:
                self._pack(file)
        self._opened = True
        return self

    def _open_files(self) -> tuple[AuditWriter, Recovered]:
        with unavailable(f"{self._path} cannot be opened", WriteOutcome.NOT_APPLIED):
            writer = AuditWriter(
                self._files, schedule=self._schedule, rotate_bytes_max=self._rotate_bytes_max
            )
            return writer, writer.open()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if not self._opened:
            return
        self._opened = False
        self._wake()
        await self._group.stop()
        await asyncio.gather(*self._packing)

    async def append(self, trades: Sequence[Trade], /) -> None:
        """
        Add trades, durable as the policy promises; see `TradeStore.append`.

        Within one call they are written by `trade_id`. Cancelling it before it was queued
        leaves nothing; afterwards it is written and only its answer is lost.

        Cost:
            One write and one sync, shared by all appends that wait at the same time; about
            5 microseconds of the loop for each trade.
        """
        self._check_open()
        if len(trades) > self._limits.batch_size_max:
            raise LimitExceeded(
                f"{len(trades)} trades in one append; at most {self._limits.batch_size_max}: "
                "split the batch"
            )
        for trade in trades:
            self._storable.check(trade)
        if not trades:
            return
        while self._queued_bytes > _QUEUED_BYTES_MAX:
            await asyncio.wait((self._changed,))
            self._check_open()
        # No await from here to the queue: the chain and the order are one.
        append = self._encode(trades)
        self._queued_bytes += len(append.data)
        self._group.submit(append)
        await append.done

    def _encode(self, trades: Sequence[Trade]) -> TradeAppend:
        """The lines of those that are no repeats, by `trade_id`, chained to what is queued."""
        last_ids: dict[int, int] = {}
        new: list[Trade] = []
        for trade in sorted(trades, key=attrgetter("trade_id")):
            shard = trade.trade_id % SHARDS
            if trade.trade_id > last_ids.get(shard, self._last_ids.get(shard, -1)):
                last_ids[shard] = trade.trade_id
                new.append(trade)
        lines, own_hash = encode_trade_lines(new, self._hash)
        # Last, since encoding may refuse: what could not be written is not remembered.
        self._last_ids.update(last_ids)
        self._hash = own_hash
        return TradeAppend(
            data=join_append(lines),
            count=len(lines),
            hash=own_hash,
            blocks=_blocks(new, lines),
            last_ids=last_ids,
            done=asyncio.get_running_loop().create_future(),
        )

    def _settle(self, appends: Sequence[TradeAppend], error: BaseException | None) -> None:
        """Make a group of appends visible, or say that it failed."""
        if error is not None and self._failure is None:
            self._failure = error
            _log.error("%s is closed by a failure: %s", self._path, error)
        for append in appends:
            self._queued_bytes -= len(append.data)
            if error is None and append.count:
                self._publish(append)
            if append.done.done():
                continue
            if error is None:
                append.done.set_result(None)
            elif isinstance(error, StoreUnavailable):
                append.done.set_exception(StoreUnavailable(str(error), outcome=error.outcome))
            else:
                append.done.set_exception(error)
        self._wake()

    def _publish(self, append: TradeAppend) -> None:
        if append.begins is not None:
            self._pack(self._log_files[-1])
            self._log_files.append(append.begins)
        file = self._log_files[-1]
        blocks = file.blocks if file.blocks is not None else []
        for start, end, low_ms, high_ms in append.blocks:
            block = Block(append.start + start, append.start + end, low_ms, high_ms)
            add_block(blocks, block)
            file.low_ms = low_ms if file.high_ms < 0 else min(file.low_ms, low_ms)
            file.high_ms = max(file.high_ms, high_ms)
        file.size = append.start + len(append.data)

    def _pack(self, file: LogFile) -> None:
        """Compress a file that was put aside, beside everything else."""
        packing = asyncio.get_running_loop().run_in_executor(None, self._try_to_pack, file)
        self._packing.add(packing)
        packing.add_done_callback(self._packing.discard)

    def _try_to_pack(self, file: LogFile) -> None:
        try:
            self._files.pack(file)
        except (OSError, CorruptData) as error:
            # It stays readable as it is; the next opening tries again.
            _log.warning("%s could not be compressed: %s", file.path, error)

    def _wake(self) -> None:
        changed, self._changed = self._changed, self._changed.get_loop().create_future()
        changed.set_result(None)

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """
        The trades that *query* asks for, newest first; see `TradeStore.find`.

        Raises:
            CorruptData: A line that was read is not the one that was written.

        Cost:
            Reads backwards from the end by blocks of 64 KiB until nothing before can be
            newer than what was found; what a user, order or token does not occur in is
            passed over without being decoded.
        """
        self._check_open()
        async with self._finding:
            self._check_open()
            views = [
                View(file, None if file.blocks is None else tuple(file.blocks))
                for file in self._log_files
            ]
            with unavailable(f"{self._path} cannot be read", WriteOutcome.NOT_APPLIED):
                return await in_thread(self._reader.find, views, query)

    def _check_open(self) -> None:
        if not self._opened:
            raise StoreClosed(f"{self._path} is closed; use it inside `async with`")
        if self._failure is not None:
            raise StoreUnavailable(
                f"{self._path} was closed by a failure, open it again: {self._failure}",
                outcome=WriteOutcome.NOT_APPLIED,
            )


def _blocks(trades: Sequence[Trade], lines: Sequence[bytes]) -> list[Block]:
    """The index of the lines of one append, from its beginning."""
    blocks: list[Block] = []
    end = 0
    for first in range(0, len(lines), BLOCK_LINES):
        start = end
        block = lines[first : first + BLOCK_LINES]
        end += sum(map(len, block)) + len(block) * len(GOES_ON)
        if first + BLOCK_LINES >= len(lines):
            end += len(ENDS) - len(GOES_ON)
        timestamps = [trade.timestamp for trade in trades[first : first + BLOCK_LINES]]
        blocks.append(Block(start, end, min(timestamps), max(timestamps)))
    return blocks


def _undo_opening(opening: asyncio.Future[tuple[AuditWriter, Recovered]]) -> None:
    """Close what a cancelled opening opened after all."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].close()
