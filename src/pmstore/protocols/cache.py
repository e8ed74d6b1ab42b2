"""What a fast layer in front of a truth promises: it may forget, it never lies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.protocols.store import Store

K = TypeVar("K")
R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)

Token = str
"""
The right to put records that were read from the truth, or written to it, after it was taken.

It names the keys that it is for and the incarnation of the cache. For each key it is void as
soon as anything happened to the key in the cache: a write under another token, a `lease`, a
floor, an eviction, a clear; and for all of them after a restart of the cache or a loss of the
connection under which it was taken. A token that nobody uses is void after some seconds.
"""


class Looked(NamedTuple, Generic[K, R]):
    """What a look into a cache found, and the right to fill what it did not find."""

    found: dict[K, R]
    token: Token


class Cache(Store, Protocol[K, R]):
    """
    Records by key, as the truth gave them; private to a process or shared by many.

    K and R are what the truth's contract has: `str` and `Order`, (`user_id`, `asset`) and
    `Balance`, event id and (`Event`, version). Records are copies or frozen. What an
    earlier incarnation of the cache held (before a restart, a restored backup, a failover)
    is never answered. Every entry, floors and tokens included, has a time to live.

    All verbs are one round trip whatever the number of keys (at most
    `limits.batch_size_max`), and raise `StoreUnavailable` if nobody answers. After that the
    cache was perhaps changed; the caller does not rely on either.
    """

    async def lookup(self, keys: Sequence[K], /) -> Looked[K, R]:
        """
        The records that are here, and a token for the other keys of *keys*.

        The token is for each missing key that nobody else holds a token for; a `put` for
        the others does nothing.
        """
        ...

    async def lease(self, keys: Sequence[K], /) -> Token:
        """A token for all of *keys*, taken before they are written; voids all others' for them."""
        ...

    async def put(
        self,
        token: Token,
        records: Sequence[R],
        /,
        *,
        absent: Collection[K] = (),
        max_age_s: float | None = None,
    ) -> frozenset[K]:
        """
        Keep records for whose keys *token* is valid; answers for which keys it was.

        All others are left as they are. A record below the floor of its key is not kept
        (its key is not among those answered). The token is used up for these keys.

        Args:
            token: Of `lookup` or `lease`.
            records: As the truth returned or took them, after the token was taken.
            absent: Keys of which the truth has no record: what is here of them goes, their
                floor too.
            max_age_s: Seconds after the *taking of the token* at which the entries are
                gone, if that is sooner than their time to live.
        """
        ...

    async def floor(self, floors: Sequence[tuple[K, int]], /) -> None:
        """
        For each key the least version that may still be answered.

        Older records are dropped, older ones refused, tokens for the key voided whatever
        the cache holds. A floor never sinks while it lives. A remove through version v is
        the floor v + 1.
        """
        ...

    async def clear(self) -> None:
        """Drop every record and floor, void every token."""
        ...


class CompleteCache(Protocol[R_contra]):
    """
    An optional segment of a `Cache`: it can know that it holds everything.

    Only for a cache that never evicts (a server that may is never complete). Complete is
    the state after `finish_load` answered True, and while no floor is present without a
    record of its key; a clear, restart or expiry ends it.
    """

    async def begin_load(self) -> Token:
        """A token for a load of the whole truth; voids that of an earlier load."""
        ...

    async def load(self, token: Token, records: Sequence[R_contra], /) -> bool:
        """
        Keep a page of the truth; False if the load is void.

        A record whose key was touched since `begin_load` (floor, lease, put) is passed over.
        """
        ...

    async def finish_load(self, token: Token, /) -> bool:
        """The truth was read to its end: whether the cache holds all of it from now on."""
        ...

    async def find(self, query: Any, /) -> Page[Any] | None:
        """
        The answer that the truth would give, None if it is not known here.

        Its `next` is `storage.write_cursor` of the last record's sort key, as the truth's.
        """
        ...


class TradeWindow(Store, Protocol):
    """
    The newest trades, and how far down none is missing.

    Trades never change, so any number of tokens are valid together; `clear`, an eviction,
    a restart and a loss of the connection void all of them, and end completeness. What an
    earlier incarnation held is never answered.
    """

    async def lease(self) -> Token:
        """A token, taken before the truth is read or written."""
        ...

    async def put(self, token: Token, trades: Sequence[Trade], /) -> bool:
        """
        Keep trades that the truth has; False, and nothing is kept, if *token* is void.

        A known id is a repeat. Above the window's size the oldest by (`timestamp`,
        `trade_id`) go. A trade older than what the window is complete from changes nothing.
        The token stays valid.
        """
        ...

    async def complete(self, token: Token, since: tuple[int, int] | None, /) -> bool:
        """
        Every trade that the truth has from *since* on was put under *token*.

        Args:
            token: Taken before the truth was read for it.
            since: (`timestamp`, `trade_id`) of the oldest one; None: the truth has no more.

        Returns:
            Whether the window is complete now; False if *token* is void.
        """
        ...

    async def find(
        self, query: TradeQuery, /, *, below: tuple[int, int] | None = None
    ) -> Page[Trade] | None:
        """
        The page that the truth would give, None if the window cannot prove it.

        It is proved if as many trades as the page takes and one more were found, or the
        time window that is asked for begins inside of the window, or nothing is missing.

        Args:
            query: Without `after`.
            below: Only trades before this (`timestamp`, `trade_id`).

        Returns:
            A page whose `next` is any text if there are more trades, else None.
        """
        ...

    async def clear(self) -> None:
        """Drop every trade, void every token; the window is not complete."""
        ...
