"""The lifetime of what is kept in Redis: opened with a config, or on a caller's client."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from pmstore.backends.redis.client import RedisClient, client_of
from pmstore.backends.redis.config import RedisConfig
from pmstore.errors import StoreClosed
from pmstore.protocols.store import ALL, Coverage, Limits
from pmstore.storage.lifetime import Lifetime


class RedisPlace(Lifetime):
    """
    A store's lifetime over a client.

    Args:
        config: Which keys, and without *client* also which server.
        client: The caller's own, entered by the caller and never left by the store.
        limits: What one call takes at most.
        coverage: What is kept.
        reachable: Whether the server must be there when it is entered.
    """

    def __init__(
        self,
        config: RedisConfig,
        *,
        client: RedisClient | None = None,
        limits: Limits | None = None,
        coverage: Coverage = ALL,
        reachable: bool = True,
    ) -> None:
        super().__init__(limits=limits, coverage=coverage)
        self._reachable = reachable
        self._config = config
        self._prefix = config.key_prefix
        self._given = client
        self._client: RedisClient | None = None

    async def __aenter__(self) -> Self:
        """
        Open the place.

        Raises:
            StoreUnavailable: Nobody answers, or not to us.
        """
        if self._client is None:
            client = self._given
            if client is None:
                client = await client_of(self._config).open(reachable=self._reachable)
            self._client = client
        return await super().__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        client, self._client = self._client, None
        await super().__aexit__(exc_type, exc, traceback)
        if client is not None and client is not self._given:
            await client.__aexit__(exc_type, exc, traceback)

    @property
    def client(self) -> RedisClient:
        """
        The client of an open place.

        Raises:
            StoreClosed: Outside of `async with`.
        """
        if self._client is None:
            raise StoreClosed(f"{type(self).__name__} is closed; use it inside `async with`")
        return self._client

    def key(self, name: str) -> str:
        """The key of that name in this place."""
        return self._prefix + name
