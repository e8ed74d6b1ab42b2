"""What an operator does to everything that a URL names at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Upkeep(Protocol):
    """
    Counting, emptying and shortening of a backend's data, below its contracts.

    Every verb is given the parsed config, opens what it needs and closes it. Nothing
    outside of the config's own place (folder, file, schema, key prefix) is ever touched.
    All raise `StoreUnavailable` if nobody answers.
    """

    async def contents(self, config: Any, /) -> Mapping[str, int]:
        """
        How many records of each kind are there.

        Everything that `wipe` would delete is counted; a kind with none is left out. What
        a contract keeps is counted under the contract's name: `orders`, `trades`,
        `accounts`, `events`, `snapshots`, and `streams` for the number of streams; other
        kinds (`tombstones`, `notes`) have words of the backend's own.
        """
        ...

    async def wipe(self, config: Any, /) -> None:
        """
        Delete everything there, tombstones, positions and outbox included.

        The place is as if it was never used; wiping it again is harmless.
        """
        ...

    async def prune_trades(self, config: Any, before_ms: int, /) -> int:
        """
        Delete the trades with a `timestamp` before *before_ms*; answers how many went.

        Works in steps, each a short transaction, so that writers are not held up.

        Raises:
            SettingsError: This backend cannot drop single trades; says what to do instead.
        """
        ...
