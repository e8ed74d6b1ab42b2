"""A store's stay in a database: opened with the first, closed with the last."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from pmstore.storage import Lifetime
from pmstore_rocksdb import database
from pmstore_rocksdb.database import Database


class Residence(Lifetime):
    """
    What the stores of one folder share: `async with` opens their database, or joins it.

    A folder has one store of each contract at a time, all in one process.
    """

    def __init__(self, path: str | Path, *, contract: str) -> None:
        """Describe a store in the folder *path*, which is made when it is opened."""
        super().__init__()
        self._contract = contract
        self._path = Path(path)
        self._entered: Database | None = None

    async def __aenter__(self) -> Self:
        if self._entered is None:
            entering = asyncio.ensure_future(
                asyncio.to_thread(database.enter, self._path, self._contract)
            )
            try:
                self._entered = await asyncio.shield(entering)
            except asyncio.CancelledError:
                entering.add_done_callback(self._leave_again)
                raise
        return await super().__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await super().__aexit__(exc_type, exc, traceback)
        entered, self._entered = self._entered, None
        if entered is not None:
            await asyncio.shield(asyncio.to_thread(database.leave, entered, self._contract))

    @property
    def database(self) -> Database:
        """The opened database; `check_call` comes first."""
        assert self._entered is not None, "check_call refuses what is not open"
        return self._entered

    def _leave_again(self, entering: asyncio.Future[Database]) -> None:
        """Nobody waits for the opened database any more."""
        if not entering.cancelled() and entering.exception() is None:
            database.leave(entering.result(), self._contract)
