"""One DuckDB file: a thread that writes and a thread that reads, each with a connection."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import duckdb

from pmstore.errors import WriteOutcome, WriterLocked
from pmstore.storage import seen_to_its_end
from pmstore_duckdb.failures import translated
from pmstore_duckdb.table import MAKE

T = TypeVar("T")

_open_here: set[Path] = set()
_opening = threading.Lock()


class Database:
    """
    An opened file; DuckDB itself lets one process write.

    Every write is one transaction, on the disk before it is answered; every question sees
    one state of the file. DuckDB lets other Python threads run while it works.
    """

    def __init__(self, path: Path) -> None:
        """
        Open the file, or make it; blocks.

        Raises:
            WriterLocked: This process or another one has it open.
            CorruptData: It is damaged, or no DuckDB file.
            StoreUnavailable: The system refuses.
        """
        self.path = path.resolve()
        with _opening:
            if self.path in _open_here:
                raise WriterLocked(f"{path} is open in this process; share that store, or leave it")
            with translated(self.path, WriteOutcome.NOT_APPLIED):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._connection = duckdb.connect(str(self.path))
                self._connection.execute(MAKE)
                self._reading = self._connection.cursor()
            _open_here.add(self.path)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="duckdb-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="duckdb-reader")

    async def write(self, change: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """The answer of *change*, after what it did is on the disk; none of it if it raises."""
        return await seen_to_its_end(self._writer.submit(self._transaction, change))

    async def read(self, question: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """The answer to *question*, asked of what is committed now."""
        return await seen_to_its_end(self._reader.submit(self._ask, question))

    def close(self) -> None:
        """Finish what was begun and let go of the file; blocks, closing twice is harmless."""
        self._writer.shutdown()
        self._reader.shutdown()
        with _opening:
            self._reading.close()
            self._connection.close()
            _open_here.discard(self.path)

    def _transaction(self, change: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        try:
            with translated(self.path, WriteOutcome.NOT_APPLIED):
                self._connection.execute("BEGIN")
                answer = change(self._connection)
            with translated(self.path, WriteOutcome.UNKNOWN):
                self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return answer

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except duckdb.Error:
            # There is no transaction any more: a failed commit ended it.
            return

    def _ask(self, question: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        with translated(self.path, WriteOutcome.NOT_APPLIED):
            return question(self._reading)
