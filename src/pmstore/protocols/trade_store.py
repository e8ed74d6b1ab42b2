"""Every trade once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.store import Store


class TradeStore(Store, Protocol):
    """Keeps each trade id once."""

    async def append(self, trades: Sequence[Trade], /) -> None:
        """
        Add trades; one whose id is known is a repeat and changes nothing.

        All of them become visible together, or none does.

        Raises:
            LimitExceeded: More than `limits.batch_size_max`.
            InvalidRecord: A value that no store may hold.
            StoreUnavailable: No answer; `outcome` says whether it may have happened.

        Cost:
            One round trip, whatever the number of trades.
        """
        ...

    async def find(self, query: TradeQuery, /) -> Page[Trade]:
        """
        The trades that *query* asks for, newest first by (`timestamp`, `trade_id`).

        Raises:
            InvalidQuery: A malformed cursor, or an argument that cannot be honoured.
            StoreUnavailable: No answer; never an empty page.

        Cost:
            One round trip.
        """
        ...
