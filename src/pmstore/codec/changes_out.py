"""Changes -> JSON: formatted templates for the frequent ones, msgspec for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from pmstore.codec.balances import balance_text
from pmstore.codec.events import wire_event, wire_market
from pmstore.codec.json_text import plain_text, quote, symbol_text, utf8
from pmstore.codec.orders import order_text
from pmstore.codec.trades import trade_text
from pmstore.errors import InvalidRecord
from pmstore.models.balance import Balance
from pmstore.models.changes import (
    Change,
    Counters,
    EventAdded,
    EventChanged,
    EventRemoved,
    GroupChanged,
    GroupFilled,
    MarketAdded,
    MarketChanged,
    MarketRemoved,
    MarketUpdateId,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    OrderUpdated,
    Paused,
    Remembered,
    Restored,
    SessionChanged,
)
from pmstore.models.trade import Trade


def remembered_text(memory: Remembered) -> str:
    """The outcome as JSON; beyond its first six fields only what is not the default."""
    text = (
        f'{{"user_id":{quote(memory.user_id)},"kind":{quote(memory.kind)},"id":{quote(memory.id)}'
        f',"outcome":{quote(memory.outcome)},"order_id":{quote(memory.order_id)}'
        f',"timestamp":{memory.timestamp}'
    )
    if memory.content:
        text += f',"content":{plain_text(memory.content)}'
    if memory.correlation_id:
        text += f',"correlation_id":{quote(memory.correlation_id)}'
    if memory.repeat:
        text += ',"repeat":true'
    return text + "}"


def _ended_text(change: OrderFilled | OrderCancelled) -> str:
    text = (
        f'{{"order_id":{quote(change.order_id)},"symbol":{symbol_text(change.symbol)}'
        f',"user_id":{quote(change.user_id)},"version":{change.version}'
        f',"filled_quantity":{change.filled_quantity}'
        f',"remaining_quantity":{change.remaining_quantity},"timestamp":{change.timestamp}'
    )
    if change.spent:
        text += f',"spent":{change.spent}'
    return f'{text},"reason":{quote(change.reason)}}}'


def pairs_text(pairs: tuple[tuple[int, int], ...]) -> str:
    """Pairs of integers as JSON."""
    if len(pairs) == 1:  # the most frequent by far
        ((first, second),) = pairs
        return f"[[{first},{second}]]"
    return f"[{','.join([f'[{first},{second}]' for first, second in pairs])}]"


def _order_created(change: OrderCreated) -> str:
    return f'{{"OrderCreated":{order_text(change.order)}}}'


def _order_updated(change: OrderUpdated) -> str:
    return f'{{"OrderUpdated":{order_text(change.order)}}}'


def _order_filled(change: OrderFilled) -> str:
    return f'{{"OrderFilled":{_ended_text(change)}}}'


def _order_cancelled(change: OrderCancelled) -> str:
    return f'{{"OrderCancelled":{_ended_text(change)}}}'


def _traded(change: Trade) -> str:
    return f'{{"Traded":{trade_text(change)}}}'


def _account_changed(change: Balance) -> str:
    return f'{{"AccountChanged":{balance_text(change)}}}'


def _market_update_id(change: MarketUpdateId) -> str:
    text = (
        f'{{"MarketUpdateId":{{"event_id":{change.event_id},"market_id":{change.market_id}'
        f',"update_id":{change.update_id}'
    )
    if change.bids:
        text += f',"bids":{pairs_text(change.bids)}'
    if change.asks:
        text += f',"asks":{pairs_text(change.asks)}'
    if change.last_price:
        text += f',"last_price":{change.last_price}'
    if change.timestamp:
        text += f',"timestamp":{change.timestamp}'
    if change.cleared:
        text += ',"cleared":true'
    return text + "}}"


def _remembered(change: Remembered) -> str:
    return f'{{"Remembered":{remembered_text(change)}}}'


def _group_filled(change: GroupFilled) -> str:
    return (
        f'{{"GroupFilled":{{"user_id":{quote(change.user_id)},"group":{quote(change.group)}'
        f',"time_ms":{change.time_ms},"quantity":{change.quantity}}}}}'
    )


def _session_changed(change: SessionChanged) -> str:
    return (
        f'{{"SessionChanged":{{"user_id":{quote(change.user_id)}'
        f',"session":{quote(change.session)},"deadline_ms":{change.deadline_ms}}}}}'
    )


def _paused(change: Paused) -> str:
    text = f'{{"Paused":{{"paused":{"true" if change.paused else "false"}'
    if change.post_only_until_ms:
        text += f',"post_only_until_ms":{change.post_only_until_ms}'
    return text + "}}"


def _rare(tag: str, content: Any) -> str:
    return plain_text({tag: content})


def _event_added(change: EventAdded) -> str:
    return _rare("EventAdded", wire_event(change.event))


def _event_removed(change: EventRemoved) -> str:
    return _rare("EventRemoved", change.event_id)


def _market_added(change: MarketAdded) -> str:
    content = {"event_id": change.event_id, "market": wire_market(change.market)}
    return _rare("MarketAdded", content)


def _as_it_is(change: Change) -> str:
    return _rare(type(change).__name__, change)


_TEXTS: Final[dict[type, Callable[[Any], str]]] = {
    OrderCreated: _order_created,
    OrderUpdated: _order_updated,
    OrderFilled: _order_filled,
    OrderCancelled: _order_cancelled,
    Trade: _traded,
    Balance: _account_changed,
    MarketUpdateId: _market_update_id,
    Remembered: _remembered,
    GroupFilled: _group_filled,
    SessionChanged: _session_changed,
    EventAdded: _event_added,
    EventChanged: _as_it_is,
    EventRemoved: _event_removed,
    MarketAdded: _market_added,
    MarketRemoved: _as_it_is,
    MarketChanged: _as_it_is,
    Paused: _paused,
    GroupChanged: _as_it_is,
    OrdersLeaving: _as_it_is,
    Counters: _as_it_is,
    Restored: _as_it_is,
}


def changes_text(changes: Iterable[Change]) -> str:
    """
    The changes as a JSON array.

    Raises:
        InvalidRecord: Something among them is no change, or holds text or an integer that
            JSON cannot carry.
    """
    texts = _TEXTS
    try:
        return f"[{','.join([texts[type(change)](change) for change in changes])}]"
    except KeyError as error:
        raise InvalidRecord(f"{error} is no change; the changes are {_names()}") from None


def encode_changes(changes: Iterable[Change]) -> bytes:
    """The changes as a JSON array; errors as for `encode_change`."""
    return utf8(changes_text(changes))


def encode_change(change: Change) -> bytes:
    """
    The change as an externally tagged JSON document, such as `{"OrderCreated":{…}}`.

    Raises:
        InvalidRecord: It is no change, or holds text or an integer that JSON cannot carry.
    """
    return utf8(changes_text((change,)))[1:-1]


def _names() -> str:
    return ", ".join(kind.__name__ for kind in _TEXTS)
