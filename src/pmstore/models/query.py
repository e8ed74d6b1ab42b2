"""Questions to order, trade, account and ledger stores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

import attrs

from pmstore.errors import InvalidQuery
from pmstore.models.ledger import EntryKind
from pmstore.models.order import OrderStatus, Side

LIMIT_MAX = 1000
T = TypeVar("T")


def _limit(instance: object, attribute: object, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LIMIT_MAX:
        raise InvalidQuery(f"limit is {value!r}; it takes 1..{LIMIT_MAX}")


# One for each type: a generic converter would leave callers with an unsolved type variable.
def _statuses(values: Iterable[OrderStatus] | None) -> frozenset[OrderStatus] | None:
    return None if values is None else frozenset(values)


def _texts(values: Iterable[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _numbers(values: Iterable[int] | None) -> frozenset[int] | None:
    return None if values is None else frozenset(values)


def _kinds(values: Iterable[EntryKind] | None) -> frozenset[EntryKind] | None:
    return None if values is None else frozenset(values)


@attrs.frozen(kw_only=True)
class OrderQuery:
    """
    Which orders; what is unset asks for all.

    The time window is half open, `[start_ms, end_ms)`, over `timestamp`. `after` is the
    `next` of the page before.

    Raises:
        InvalidQuery: *limit* is outside 1..1000.
    """

    user_id: str | None = None
    side: Side | None = None
    event_id: int | None = None
    market_id: int | None = None
    token_id: str | None = None
    statuses: frozenset[OrderStatus] | None = attrs.field(default=None, converter=_statuses)
    ids: frozenset[str] | None = attrs.field(default=None, converter=_texts)
    client_order_id: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    after: str | None = None
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen(kw_only=True)
class TradeQuery:
    """Which trades, newest first; a user or an order matches as taker or as maker."""

    user_id: str | None = None
    order_id: str | None = None
    event_id: int | None = None
    market_id: int | None = None
    token_id: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    after: str | None = None
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen(kw_only=True)
class BalanceQuery:
    """Which balances, by (`user_id`, `asset`)."""

    user_id: str | None = None
    asset: str | None = None
    after: str | None = None
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen(kw_only=True)
class EventQuery:
    """Which events, by `event_id`."""

    ids: frozenset[int] | None = attrs.field(default=None, converter=_numbers)
    after: str | None = None
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen(kw_only=True)
class LedgerQuery:
    """Which entries of a user's accounts, newest first; the window is half open."""

    user_id: str
    asset: str | None = None
    kinds: frozenset[EntryKind] | None = attrs.field(default=None, converter=_kinds)
    start_ms: int | None = None
    end_ms: int | None = None
    after: str | None = None
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen(kw_only=True)
class JournalQuery:
    """Which entries of a source, oldest first, beginning with those of `from_number`."""

    source: str
    from_number: int = 0
    after: str | None = None
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen
class Page(Generic[T]):
    """One page of an answer; `next` is the cursor for the page after, None at the end."""

    items: tuple[T, ...]
    next: str | None = None
