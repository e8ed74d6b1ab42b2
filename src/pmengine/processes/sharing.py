"""Whether what a deployment names can be used by several processes at once."""

from __future__ import annotations

from typing import Final

from pmengine.settings import Settings
from pmstore import SettingsError, StorageSettings

ONE_PROCESS: Final = frozenset({"file", "memory"})
"""Places that one process writes, or that nobody else sees."""


def require_shared_streams(storage: StorageSettings) -> None:
    """
    See that several processes can write to the streams.

    Raises:
        SettingsError: They cannot.
    """
    if not is_shared(storage):
        raise SettingsError(
            [
                f"the streams are at {storage.streams}, where each stream has one writer: services "
                "as processes need REDIS_ENABLED=true or PMSTORE_STREAMS_URL=redis://…; "
                "`pmengine up` runs all of them in one process"
            ]
        )


def require_one_shard(settings: Settings) -> None:
    """
    See that one process can be the whole exchange.

    Raises:
        SettingsError: It is spread over several engines, which one process does not make faster.
    """
    if settings.shards > 1:
        raise SettingsError(
            [
                f"ENGINE_SHARDS: it is {settings.shards}, and this is one process: for each shard "
                "ENGINE_SHARD=… pmengine run engine relay processor store history depth, and "
                "`pmengine run api` (docs/how-to/add-shards.md)"
            ]
        )


def is_shared(storage: StorageSettings) -> bool:
    """Whether the streams are such that several processes may write to them."""
    return storage.streams.truth.scheme not in ONE_PROCESS


def require_shared_stores(storage: StorageSettings) -> None:
    """
    See that what history writes can be asked by another process.

    Raises:
        SettingsError: It cannot.
    """
    problems = [
        f"{stack} is of one process: history writes it, and the API asks; set "
        "DATABASE_ENABLED=true or REDIS_ENABLED=true"
        for stack in (storage.orders, storage.trades)
        if stack.truth.scheme in ONE_PROCESS
    ]
    if problems:
        raise SettingsError(problems)
