"""What all stores in a database file have in common: how they are opened and closed."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from pmstore.backends.sqlite.database import Database, Share
from pmstore.storage.lifetime import Lifetime


class SqliteStore(Lifetime):
    """
    A store in a database file; the stores of one process on one file share its writer.

    Args:
        path: The file; it and its folder are made when they are missing, and brought to the
            newest schema when they are older.
        busy_timeout_s: Seconds for which a write waits for one of another process.
    """

    def __init__(self, path: str | Path, *, busy_timeout_s: float = 5.0) -> None:
        super().__init__()
        self._share = Share(Path(path), busy_timeout_s)

    @property
    def database(self) -> Database:
        """
        The opened file; asked for again in each step of a verb, as the store may be left then.

        Raises:
            StoreClosed: Outside of `async with`.
        """
        self.check_call()
        return self._share.database

    async def __aenter__(self) -> Self:
        await self._share.open()
        return await super().__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await super().__aexit__(exc_type, exc, traceback)
        await self._share.close()
