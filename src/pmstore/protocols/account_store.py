"""The newest version of each balance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pmstore.models.balance import Balance
from pmstore.models.query import BalanceQuery, Page
from pmstore.protocols.store import Store


class AccountStore(Store, Protocol):
    """Keeps the newest version of each (user, asset) row."""

    async def save(self, balances: Sequence[Balance], /) -> None:
        """
        Keep the newest version of each row; laws and errors as for `OrderStore.save`.

        Args:
            balances: At most `limits.batch_size_max`, no (user, asset) twice.
        """
        ...

    async def get(self, keys: Sequence[tuple[str, str]], /) -> dict[tuple[str, str], Balance]:
        """The rows of these (`user_id`, `asset`) pairs; an absent one is a missing key."""
        ...

    async def find(self, query: BalanceQuery, /) -> Page[Balance]:
        """The rows that *query* asks for, by (`user_id`, `asset`)."""
        ...
