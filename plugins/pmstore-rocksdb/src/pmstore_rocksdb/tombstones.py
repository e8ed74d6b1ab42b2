"""Versioned tombstones that live for a while."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Final

from pmstore_rocksdb.draft import Draft
from pmstore_rocksdb.keys import NUMBER_BYTES, number

_FAMILY: Final = "tombstones"
_STONE: Final = b"s"
"""Followed by the id; the value is the version and the end of its life."""
_END: Final = b"e"
"""Followed by the end of its life and the id: the order in which they are purged."""
_PURGE_MAX: Final = 1000
"""Tombstones that one write purges at most, so that no write pays for a day of removals."""


class Tombstones:
    """For each removed id the version that no save up to it passes, kept for `tombstone_s`."""

    def __init__(self, clock: Callable[[], int], tombstone_s: float) -> None:
        self._clock = clock
        self._lifetime_ms = int(tombstone_s * 1000)

    def bury(self, draft: Draft, id: bytes, version: int) -> None:
        """Let no save of *id* up to *version* pass, or up to the one already buried if higher."""
        known = draft.get(_FAMILY, _STONE + id)
        if known is not None:
            version = max(version, int.from_bytes(known[:NUMBER_BYTES], "big"))
            draft.delete(_FAMILY, _END + known[NUMBER_BYTES:] + id)
        until = number(self._clock() + self._lifetime_ms)
        draft.put(_FAMILY, _STONE + id, number(version) + until)
        draft.put(_FAMILY, _END + until + id)

    def beats(self, draft: Draft, id: bytes, version: int) -> bool:
        """Whether a save of this version must be ignored."""
        known = draft.get(_FAMILY, _STONE + id)
        return known is not None and version <= int.from_bytes(known[:NUMBER_BYTES], "big")

    def lift(self, draft: Draft, id: bytes) -> None:
        """Forget *id*: a higher version lives."""
        known = draft.get(_FAMILY, _STONE + id)
        if known is not None:
            draft.delete(_FAMILY, _STONE + id)
            draft.delete(_FAMILY, _END + known[NUMBER_BYTES:] + id)

    def purge(self, draft: Draft) -> None:
        """Drop the expired ones, the oldest first and a bounded number of them."""
        now = self._clock()
        for rest in islice(draft.view.ascending(_FAMILY, _END), _PURGE_MAX):
            until, id = rest[:NUMBER_BYTES], rest[NUMBER_BYTES:]
            if int.from_bytes(until, "big") > now:
                return
            known = draft.get(_FAMILY, _STONE + id)
            # A write before this one in the group may have buried it again.
            if known is not None and known[NUMBER_BYTES:] == until:
                draft.delete(_FAMILY, _STONE + id)
                draft.delete(_FAMILY, _END + rest)
