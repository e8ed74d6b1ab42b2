"""Where an order stands: its keys in the lists of its user, token, market, event and client id."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final

from pmstore import ACTIVE_STATUSES, InvalidQuery, Order, OrderQuery, Side, is_id
from pmstore.storage import read_cursor
from pmstore_rocksdb.keys import NUMBER_BYTES, number, plain, sought, sought_number, text
from pmstore_rocksdb.view import Reading

FAMILY: Final = "order_lists"

_ALL: Final = b"a"
_CLIENT: Final = b"c"
_EVENT: Final = b"e"
_MARKET: Final = b"m"
_TOKEN: Final = b"t"
_USER: Final = b"u"


def list_keys(order: Order) -> set[bytes]:
    """
    All keys of an order: the list, its quarter, `order_num` and id.

    A list is split into open buys, open sells, ended buys and ended sells, because those
    who ask mostly ask for open ones, and ended ones pile up.
    """
    place = _quarter(order) + number(order.order_num) + order.id.encode()
    symbol = order.symbol
    keys = {
        _ALL + place,
        _USER + text(order.user_id) + place,
        _TOKEN + text(symbol.token_id) + place,
        _MARKET + number(symbol.market_id) + place,
        _EVENT + number(symbol.event_id) + place,
    }
    if order.client_order_id is not None:
        keys.add(_CLIENT + text(order.client_order_id) + place)
    return keys


def candidates(view: Reading, query: OrderQuery) -> Iterator[bytes]:
    """
    The ids of all orders that can be what *query* asks for, by (`order_num`, id).

    Not all of them need to match: fields beside the list's own are for the caller to test.

    Raises:
        InvalidQuery: The cursor is none of ours.
    """
    after = _after(query)
    chosen = _chosen(query)
    if chosen is None:
        return iter(())
    quarters = [view.ascending(FAMILY, chosen + quarter, after) for quarter in _asked(query)]
    places = quarters[0] if len(quarters) == 1 else heapq.merge(*quarters)
    return (place[NUMBER_BYTES:] for place in places)


def after_cursor(query: OrderQuery) -> tuple[int, str] | None:
    """
    The (`order_num`, id) behind which the page begins, None for the first page.

    Raises:
        InvalidQuery: The cursor is none of ours.
    """
    if query.after is None:
        return None
    order_num, id = read_cursor(query.after, int, str)
    if sought_number(int(order_num)) is None or not is_id(id):
        raise InvalidQuery(f"{query.after!r} is not a cursor of this store")
    return int(order_num), str(id)


def _after(query: OrderQuery) -> bytes:
    place = after_cursor(query)
    return b"" if place is None else number(place[0]) + plain(place[1])


def _quarter(order: Order) -> bytes:
    return _quarter_of(order.status not in ACTIVE_STATUSES, order.side)


def _quarter_of(ended: bool, side: Side) -> bytes:
    return bytes(((2 if ended else 0) + (0 if side is Side.BUY else 1),))


def _asked(query: OrderQuery) -> list[bytes]:
    """The quarters that *query* can be answered from."""
    statuses = query.statuses
    ends = [
        ended
        for ended, wanted in (
            (False, statuses is None or statuses & ACTIVE_STATUSES),
            (True, statuses is None or statuses - ACTIVE_STATUSES),
        )
        if wanted
    ]
    sides = (Side.BUY, Side.SELL) if query.side is None else (query.side,)
    return [_quarter_of(ended, side) for ended in ends for side in sides]


def _chosen(query: OrderQuery) -> bytes | None:
    """The list that is likely the shortest, None if no order can match."""
    for name, part in (
        (_CLIENT, query.client_order_id),
        (_USER, query.user_id),
        (_TOKEN, query.token_id),
        (_MARKET, query.market_id),
        (_EVENT, query.event_id),
    ):
        if part is not None:
            key = sought(part) if isinstance(part, str) else sought_number(part)
            return None if key is None else name + key
    return _ALL
