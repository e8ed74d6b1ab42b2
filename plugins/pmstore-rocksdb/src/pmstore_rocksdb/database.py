"""The RocksDB of one folder: a thread that writes, threads that read, shared by its stores."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from rocksdict import Options, Rdict

from pmstore.errors import StoreUnavailable, WriteOutcome, WriterLocked
from pmstore.storage import seen_to_its_end
from pmstore_rocksdb.draft import Draft
from pmstore_rocksdb.failures import translated
from pmstore_rocksdb.view import READERS, Reading, View

T = TypeVar("T")

FAMILIES: Final = (
    "orders",
    "order_lists",
    "tombstones",
    "trades",
    "trade_lists",
    "balances",
    "balance_lists",
    "events",
    "snapshots",
    "snapshot_pieces",
    "positions",
)
"""The column families; the default one stays empty."""

_GROUP_CHANGES_MAX: Final = 100_000
"""Keys after which a group takes no further write."""

_Job = tuple[Callable[[Draft], Any], "Future[Any]"]


def options(*, create: bool) -> Options:
    """How the database is opened: keys and values are plain bytes."""
    chosen = Options(raw_mode=True)
    chosen.create_if_missing(create)
    chosen.create_missing_column_families(create)
    return chosen


class Database:
    """
    One writer thread: writes that wait at the same time are one atomic batch and one fsync.

    The batch goes into the log first and the log to the disk second, because only the
    second call lets other Python threads run. Readers see what is on the disk alone: the
    writer shows them a new `View` after the fsync, and answers its callers after that.
    """

    def __init__(self, path: Path) -> None:
        """
        Open the database in *path*, or make one; blocks.

        Raises:
            WriterLocked: Another process has it open.
            CorruptData: It is damaged.
            StoreUnavailable: The system refuses.
        """
        self.path = path
        self.residents: set[str] = set()
        """The contracts whose store is open; one of each."""
        self.unfinished: set[bytes] = set()
        """Snapshots that are being written in several steps; of the event loop's thread."""
        with translated(str(path), WriteOutcome.NOT_APPLIED):
            path.parent.mkdir(parents=True, exist_ok=True)
            families = {name: Options(raw_mode=True) for name in ("default", *FAMILIES)}
            self._rocks = Rdict(str(path), options(create=True), families)
            self._families = {name: self._rocks.get_column_family(name) for name in FAMILIES}
            self._handles = {name: self._rocks.get_column_family_handle(name) for name in FAMILIES}
            self._view = View(self._families)
            self._moments = weakref.WeakSet(self._view.moments.values())
        self._failure: Exception | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="rocksdb-reader")
        # A daemon: a process that ends without leaving its stores ends as if it was killed.
        self._writer = threading.Thread(target=self._run, name="rocksdb-writer", daemon=True)
        self._writer.start()

    async def read(self, question: Callable[[Reading], T]) -> T:
        """The answer to *question*, asked in a thread of what is on the disk now."""
        with translated(str(self.path), WriteOutcome.NOT_APPLIED):
            return await seen_to_its_end(self._readers.submit(_ask, self._view, question))

    async def write(self, change: Callable[[Draft], T]) -> T:
        """
        The answer of *change*, after what it put into the draft is on the disk.

        It is called in the writer's thread. If it raises, nothing of it is written. A
        cancelled caller leaves no write under way behind it.
        """
        answer: Future[T] = Future()
        self._jobs.put((change, answer))
        return await seen_to_its_end(answer)

    async def flush(self, family: str) -> None:
        """Move what was answered of a family out of the log into a file of its own."""
        await self.write(lambda draft: self._families[family].flush())

    def close(self) -> None:
        """Write what waits and let go of the folder; blocks."""
        self._jobs.put(None)
        self._writer.join()
        self._readers.shutdown()
        # RocksDB goes when nothing of it is held any more.
        for moment in self._moments:
            moment.release()
        del self._handles
        # Dropped and not closed: closing a family writes a file for it, and all of that is in
        # the log already.
        self._families.clear()
        del self._rocks

    def _run(self) -> None:
        job = self._jobs.get()
        while job is not None:
            reading = Reading(self._view)
            draft = Draft(reading)
            answers: list[tuple[Future[Any], Any]] = []
            while job is not None:
                self._try(draft, *job, answers)
                if len(draft) > _GROUP_CHANGES_MAX or self._jobs.empty():
                    break
                job = self._jobs.get()
            try:
                if len(draft):
                    self._commit(draft)
            except Exception as error:
                for future, _ in answers:
                    future.set_exception(error)
            else:
                for future, value in answers:
                    future.set_result(value)
            reading.close()
            # Nothing of an answered group is held while waiting for the next one.
            del reading, draft, answers
            if job is not None:
                job = self._jobs.get()

    def _try(
        self,
        draft: Draft,
        change: Callable[[Draft], Any],
        answer: Future[Any],
        answers: list[tuple[Future[Any], Any]],
    ) -> None:
        if not answer.set_running_or_notify_cancel():
            return
        try:
            if self._failure is not None:
                raise StoreUnavailable(
                    f"{self.path} could not be written before ({self._failure}); nothing is "
                    f"written until all of its stores are closed and opened again",
                    outcome=WriteOutcome.NOT_APPLIED,
                )
            with translated(str(self.path), WriteOutcome.NOT_APPLIED):
                value = change(draft)
        except Exception as error:
            draft.drop()
            answer.set_exception(error)
        else:
            draft.keep()
            answers.append((answer, value))

    def _commit(self, draft: Draft) -> None:
        try:
            with translated(str(self.path), WriteOutcome.UNKNOWN):
                self._rocks.write(draft.batch(self._handles))
                self._rocks.flush_wal(True)
                self._view = View(self._families, self._view, draft.families())
                self._moments.update(self._view.moments.values())
        except Exception as error:
            self._failure = error
            raise


def _ask(view: View, question: Callable[[Reading], T]) -> T:
    reading = Reading(view)
    try:
        return question(reading)
    finally:
        reading.close()


_databases: dict[Path, Database] = {}
_opening = threading.Lock()


def enter(path: Path, contract: str) -> Database:
    """
    The database of *path*, opened by the first store that enters it; blocks.

    Raises:
        WriterLocked: A store of this contract has it open, or another process has.
    """
    resolved = path.resolve()
    with _opening:
        database = _databases.get(resolved)
        if database is None:
            database = _databases[resolved] = Database(resolved)
        if contract in database.residents:
            raise WriterLocked(
                f"{path} is open in this process for {contract}; share that store, or leave it"
            )
        database.residents.add(contract)
        return database


def leave(database: Database, contract: str) -> None:
    """Closed by the last store that leaves it; blocks."""
    with _opening:
        database.residents.remove(contract)
        if not database.residents:
            del _databases[database.path]
            database.close()


def is_open_here(path: Path) -> bool:
    """Whether a store of this process has it open."""
    return path.resolve() in _databases
