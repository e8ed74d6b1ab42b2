"""Notes of what changed in a truth, written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import attrs

from pmstore.protocols.channel import Channel

K = TypeVar("K")
R = TypeVar("R")

CACHES: Final = "caches"
"""The reader of the notes that invalidate caches."""

TRADES: Final = "trades"
"""The key in every note of a trade store."""


class Note(NamedTuple, Generic[K]):
    """
    A record changed.

    Attributes:
        seq: Unique in the outbox. A lower one may become visible later than a higher one.
        key: The record's key, None: any record may have changed.
        least: The least version that a cache may still hold: v for a save of version v,
            v + 1 for a remove through v. For trades, whose key is `TRADES`: the lowest
            timestamp (epoch milliseconds) of the appended batch.
        reason: Why it lies among the dead letters, empty if it does not.
    """

    seq: int
    key: K | None
    least: int
    reason: str = ""


@attrs.frozen(kw_only=True)
class Backlog:
    """What one reader has not forgotten yet: how many notes, and the oldest one's age."""

    depth: int
    lag_s: float


class Outbox(Protocol[K]):
    """
    Persistent notes for named readers, each with its own.

    Every change by anybody (each save that took effect, each remove, each `apply`, each
    append; also by a process that opened the truth without caches) adds one note per kept
    reader, in the same transaction: after a crash there are both, or neither. Any number
    of processes read and forget the same notes.

    All verbs are one round trip and raise `StoreUnavailable` if nobody answers.
    """

    async def keep(self, reader: str, kept: bool = True, /) -> bool:
        """
        From now on every change writes notes for *reader*; not *kept*: no longer.

        When it returns, every later commit writes them, whoever began it and when: it waits
        for the transactions that are under way. Kept over restarts. Not kept, its notes are
        deleted, dead ones too.

        Returns:
            Whether that was new; repeating it is harmless and answers False.
        """
        ...

    async def readers(self) -> list[str]:
        """Who is kept, in any process's name, by name."""
        ...

    async def notes(self, reader: str, limit: int, /, *, dead: bool = False) -> list[Note[K]]:
        """The notes of *reader* that were committed before the call, oldest first, by `seq`."""
        ...

    async def forget(
        self, reader: str, notes: Sequence[Note[K]], /, *, everything: bool = False
    ) -> None:
        """
        Delete exactly these notes, one by one by `seq`, never "all up to"; gone ones harmlessly.

        With *everything*, one note about every key (`key` None, `least` 0) takes their place
        in the same transaction; also the place of none.
        """
        ...

    async def bury(self, reader: str, notes: Sequence[Note[K]], reason: str, /) -> None:
        """Move these to the dead letters of *reader*, where they stay with *reason*."""
        ...

    async def backlog(self, reader: str, /) -> Backlog:
        """How many notes *reader* has (the dead not counted), and the age of the oldest."""
        ...


class Noted(Protocol[K, R]):
    """
    An optional segment of an order, account or event store: it can be the truth under caches.

    The cursors of such a store's `find` are `storage.write_cursor` of the sort key. A trade
    store that can be the truth under a window has `outbox` and `channel` alone.
    """

    @property
    def outbox(self) -> Outbox[K]:
        """The notes of this store's own records; usable while the store is open."""
        ...

    @property
    def channel(self) -> Channel:
        """Carries messages to every process that opened this truth."""
        ...

    async def save_noted(self, records: Sequence[R], /) -> frozenset[K]:
        """
        As `save`, and answers which keys took effect: those that hold what was sent.

        A key whose newer record or tombstone is known is not among them; one whose same
        version with the same content was known is.
        """
        ...

    async def load(self, keys: Sequence[K], /) -> dict[K, R]:
        """
        As `get`, in the form that `save` takes: an event with its version.

        From where writes go, never from a replica: it sees every commit before the call.
        """
        ...
