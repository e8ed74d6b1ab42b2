"""What the stores share: a lifetime that opens their client."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from pmstore.backends.postgres.client import PostgresClient, shared_client
from pmstore.backends.postgres.config import PostgresConfig
from pmstore.errors import StoreClosed
from pmstore.storage.lifetime import Lifetime


class PostgresStore(Lifetime):
    """
    A store whose client is open while it is.

    Args:
        server: Where it is. Stores of the same config share a client and its pool; a
            client that the caller made is entered and left, and closed by its last user.
    """

    def __init__(self, server: PostgresConfig | PostgresClient) -> None:
        super().__init__()
        self._client = server if isinstance(server, PostgresClient) else shared_client(server)

    async def __aenter__(self) -> Self:
        if self._opened:
            raise StoreClosed(f"{type(self).__name__} is open already; open it once at a time")
        await self._client.__aenter__()
        return await super().__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        opened = self._opened
        await super().__aexit__(exc_type, exc, traceback)
        if opened:
            await self._client.__aexit__(exc_type, exc, traceback)
