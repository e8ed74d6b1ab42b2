"""Questions to order, trade, account and ledger stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

import attrs

from pmstore.errors import InvalidQuery
from pmstore.models.ledger import EntryKind
from pmstore.models.order import OrderStatus, Side

LIMIT_MAX = 1000
T = TypeVar("T")
_Validator = Callable[[object, Any, Any], None]


def _limit(instance: object, attribute: object, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LIMIT_MAX:
        raise InvalidQuery(f"limit is {value!r}; it takes 1..{LIMIT_MAX}")


def _is(kind: type) -> _Validator:
    """Refuse a value of another type: stores would find nothing, or fail at it later."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None and not isinstance(value, kind):
            raise InvalidQuery(f"{attribute.name} is {value!r}; it takes {_WORDS[kind]}")

    return check


def _are(kind: type) -> _Validator:
    """The same of each value of a set."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        for one in value or ():
            if not isinstance(one, kind):
                raise InvalidQuery(f"{attribute.name} has {one!r}; each is {_WORDS[kind]}")

    return check


_WORDS: Final[Mapping[type, str]] = {
    str: "text",
    int: "an integer",
    Side: "a pmstore.Side",
    OrderStatus: "a pmstore.OrderStatus",
    EntryKind: "a pmstore.EntryKind",
}


# One for each type: a generic converter would leave callers with an unsolved type variable.
def _statuses(values: Iterable[OrderStatus] | None) -> frozenset[OrderStatus] | None:
    return None if values is None else frozenset(values)


def _texts(values: Iterable[str] | None) -> frozenset[str] | None:
    if isinstance(values, str):
        raise InvalidQuery(f"{values!r} is one text where several are meant; write [{values!r}]")
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
        InvalidQuery: *limit* is outside 1..1000, or a value of another type.
    """

    user_id: str | None = attrs.field(default=None, validator=_is(str))
    side: Side | None = attrs.field(default=None, validator=_is(Side))
    event_id: int | None = attrs.field(default=None, validator=_is(int))
    market_id: int | None = attrs.field(default=None, validator=_is(int))
    token_id: str | None = attrs.field(default=None, validator=_is(str))
    statuses: frozenset[OrderStatus] | None = attrs.field(
        default=None, converter=_statuses, validator=_are(OrderStatus)
    )
    ids: frozenset[str] | None = attrs.field(default=None, converter=_texts, validator=_are(str))
    client_order_id: str | None = attrs.field(default=None, validator=_is(str))
    start_ms: int | None = attrs.field(default=None, validator=_is(int))
    end_ms: int | None = attrs.field(default=None, validator=_is(int))
    after: str | None = attrs.field(default=None, validator=_is(str))
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen(kw_only=True)
class TradeQuery:
    """Which trades, newest first; a user or an order matches as taker or as maker."""

    user_id: str | None = attrs.field(default=None, validator=_is(str))
    order_id: str | None = attrs.field(default=None, validator=_is(str))
    event_id: int | None = attrs.field(default=None, validator=_is(int))
    market_id: int | None = attrs.field(default=None, validator=_is(int))
    token_id: str | None = attrs.field(default=None, validator=_is(str))
    start_ms: int | None = attrs.field(default=None, validator=_is(int))
    end_ms: int | None = attrs.field(default=None, validator=_is(int))
    after: str | None = attrs.field(default=None, validator=_is(str))
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen(kw_only=True)
class BalanceQuery:
    """Which balances, by (`user_id`, `asset`)."""

    user_id: str | None = attrs.field(default=None, validator=_is(str))
    asset: str | None = attrs.field(default=None, validator=_is(str))
    after: str | None = attrs.field(default=None, validator=_is(str))
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen(kw_only=True)
class EventQuery:
    """Which events, by `event_id`."""

    ids: frozenset[int] | None = attrs.field(default=None, converter=_numbers, validator=_are(int))
    after: str | None = attrs.field(default=None, validator=_is(str))
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen(kw_only=True)
class LedgerQuery:
    """Which entries of a user's accounts, newest first; the window is half open."""

    user_id: str = attrs.field(validator=_is(str))
    asset: str | None = attrs.field(default=None, validator=_is(str))
    kinds: frozenset[EntryKind] | None = attrs.field(
        default=None, converter=_kinds, validator=_are(EntryKind)
    )
    start_ms: int | None = attrs.field(default=None, validator=_is(int))
    end_ms: int | None = attrs.field(default=None, validator=_is(int))
    after: str | None = attrs.field(default=None, validator=_is(str))
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen(kw_only=True)
class JournalQuery:
    """Which entries of a source, oldest first, beginning with those of `from_number`."""

    source: str = attrs.field(validator=_is(str))
    from_number: int = attrs.field(default=0, validator=_is(int))
    after: str | None = attrs.field(default=None, validator=_is(str))
    limit: int = attrs.field(default=100, validator=_limit)


@attrs.frozen
class Page(Generic[T]):
    """One page of an answer; `next` is the cursor for the page after, None at the end."""

    items: tuple[T, ...]
    next: str | None = attrs.field(default=None, validator=_is(str))
