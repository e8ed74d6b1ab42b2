"""Every line of the double-entry ledger once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pmstore.models.ledger import LedgerEntry
from pmstore.models.query import JournalQuery, LedgerQuery, Page
from pmstore.protocols.store import Store


class LedgerStore(Store, Protocol):
    """Keeps each (`source`, `number`, `line`) once."""

    async def append(self, entries: Sequence[LedgerEntry], /) -> None:
        """
        Add entries; one whose source, number and line are known is a repeat and changes nothing.

        All of them become visible together, or none does.

        Raises:
            LimitExceeded: More than `limits.batch_size_max`.
            InvalidRecord: A value that no store may hold.
            StoreUnavailable: No answer; `outcome` says whether it may have happened.

        Cost:
            One round trip, whatever the number of entries.
        """
        ...

    async def find(self, query: LedgerQuery, /) -> Page[LedgerEntry]:
        """
        The entries of a user, newest first by (`timestamp`, `source`, `number`, `line`).

        Raises:
            InvalidQuery: A malformed cursor, or an argument that cannot be honoured.
            StoreUnavailable: No answer; never an empty page.

        Cost:
            One round trip; grows with the entries of that user that are passed over.
        """
        ...

    async def journal(self, query: JournalQuery, /) -> Page[LedgerEntry]:
        """
        The entries of a source, whoever holds them, oldest first by (`number`, `line`).

        Errors as for `find`.

        Cost:
            One round trip; grows with the page.
        """
        ...
