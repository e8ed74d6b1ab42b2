"""Snapshots -> the JSON of a snapshot file, piece by piece."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, TypeVar

from pmstore.codec.balances import balance_text
from pmstore.codec.batches import FORMAT_VERSION
from pmstore.codec.changes_out import pairs_text, remembered_text
from pmstore.codec.events import wire_event
from pmstore.codec.json_text import plain_text, quote, symbol_text, utf8
from pmstore.codec.orders import order_text
from pmstore.codec.written_rows import WrittenMemories, WrittenOrders, symbol_of
from pmstore.models.group import Group, GroupKey, SessionKey
from pmstore.models.leaving import Leaving
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.snapshot import MarketKey, MemoryKey, Snapshot
from pmstore.models.symbol import Symbol

PIECE_ROWS_MAX: Final = 10_000
"""Orders or other rows that are looked at for one piece."""

T = TypeVar("T")


def encode_snapshot(snapshot: Snapshot) -> Iterator[bytes]:
    """
    The snapshot file in pieces, in order; a piece may be empty.

    The members of the source's file come with ours between and after them. The last one,
    `checksum`, is SHA-256, in hex, over every byte before its name.

    Raises:
        InvalidRecord: Text that is not Unicode, or an integer that JSON cannot carry.

    Cost:
        No piece takes more than `PIECE_ROWS_MAX` rows of work, so that a caller can let
        others run between two pieces; about 1.2 microseconds an order in all.
    """
    digest = hashlib.sha256()
    for text in _texts(snapshot):
        piece = text if isinstance(text, bytes) else utf8(text)
        digest.update(piece)
        yield piece
    yield f'"checksum":"{digest.hexdigest()}"}}\n'.encode()


def _texts(snapshot: Snapshot) -> Iterator[str | bytes]:
    yield f'{{"v":{FORMAT_VERSION},"snapshots":['
    if isinstance(snapshot.orders, WrittenOrders):
        yield from _written_groups(snapshot.orders, snapshot.timestamp)
    else:
        yield from _groups(snapshot)
    yield '],"events":{'
    yield _events(snapshot)
    last = snapshot.last_message_id
    yield (
        f'}},"timestamp":{snapshot.timestamp}'
        f',"last_message_id":{"null" if last is None else quote(str(last))}'
        f',"input_position":{_positions(snapshot.input_position)}'
        f',"number":{snapshot.number},"hash":{quote(snapshot.hash)}'
        f',"time_ms":{snapshot.time_ms},"paused":{"true" if snapshot.paused else "false"}'
        f',"post_only_until_ms":{snapshot.post_only_until_ms}'
        f',"order_counter":{snapshot.order_counter},"trade_counter":{snapshot.trade_counter}'
        f',"deposited":{snapshot.deposited}'
    )
    yield from _rows("work", snapshot.work, _work_text)
    yield from _rows("groups", snapshot.groups.items(), _group_text)
    yield from _rows("sessions", snapshot.sessions.items(), _session_text)
    yield from _rows("balances", snapshot.balances, balance_text)
    if isinstance(snapshot.memories, WrittenMemories):
        yield ',"memories":['
        yield from _joined_rows(snapshot.memories.rows())
        yield "]"
    else:
        yield from _rows("memories", snapshot.memories, remembered_text)
    yield from _rows("ended", snapshot.ended, _ended_text)
    yield from _rows("user_update_ids", snapshot.user_update_ids.items(), _user_text, "{}")
    yield from _rows("trail", snapshot.trail, _trail_text)
    yield from _rows("skipped", snapshot.skipped, quote)
    yield ","


def _groups(snapshot: Snapshot) -> Iterator[str]:
    by_symbol: dict[Symbol, list[Order]] = {}
    # Those of a token share one object nearly always: it is compared by what it says once.
    seen: dict[int, list[Order]] = {}
    for orders in _pieces(snapshot.orders):
        for order in orders:
            symbol = order.symbol
            group = seen.get(id(symbol))
            if group is None:
                group = seen[id(symbol)] = by_symbol.setdefault(symbol, [])
            group.append(order)
        yield ""
    separator = ""
    for symbol, orders in by_symbol.items():
        yield f'{separator}{{"symbol":{symbol_text(symbol)},"orders":['
        yield from _joined(orders, order_text)
        yield f'],"timestamp":{snapshot.timestamp}}}'
        separator = ","


def _written_groups(orders: WrittenOrders, timestamp: int) -> Iterator[bytes]:
    groups: dict[bytes, list[bytes]] = {}
    for piece in _pieces(orders.rows()):
        for row in piece:
            symbol = symbol_of(row)
            group = groups.get(symbol)
            if group is None:
                group = groups[symbol] = []
            group.append(row)
        yield b""
    separator = b""
    for symbol, rows in groups.items():
        yield b'%b{"symbol":%b,"orders":[' % (separator, symbol)
        yield from _joined_rows(rows)
        yield b'],"timestamp":%d}' % timestamp
        separator = b","


def _joined_rows(rows: Iterable[bytes]) -> Iterator[bytes]:
    separator = b""
    for piece in _pieces(rows):
        yield separator
        yield b",".join(piece)
        separator = b","


def _events(snapshot: Snapshot) -> str:
    events = {str(key): wire_event(event) for key, event in snapshot.events.items()}
    return plain_text(events)[1:-1]


def _positions(positions: Mapping[str, Position] | None) -> str:
    if positions is None:
        return "null"
    members = [f'{quote(stream)}:"{position}"' for stream, position in positions.items()]
    return f"{{{','.join(members)}}}"


def _trail_text(entry: tuple[int, str]) -> str:
    number, entry_hash = entry
    return f"[{number},{quote(entry_hash)}]"


def _work_text(item: MarketKey | Leaving) -> str:
    return plain_text(item)


def _group_text(item: tuple[GroupKey, Group]) -> str:
    (user_id, name), group = item
    return (
        f'{{"user_id":{quote(user_id)},"group":{quote(name)}'
        f',"quantity_max":{group.quantity_max},"window_ms":{group.window_ms}'
        f',"triggered":{"true" if group.triggered else "false"}'
        f',"fills":{pairs_text(group.fills)}}}'
    )


def _session_text(item: tuple[SessionKey, int]) -> str:
    (user_id, session), deadline_ms = item
    return f"[{quote(user_id)},{quote(session)},{deadline_ms}]"


def _ended_text(ended: tuple[int, MemoryKey]) -> str:
    time_ms, (user_id, kind, id) = ended
    return f"[{time_ms},{quote(user_id)},{quote(kind)},{quote(id)}]"


def _user_text(item: tuple[str, int]) -> str:
    return f"{quote(item[0])}:{item[1]}"


def _rows(
    name: str, rows: Iterable[T], text: Callable[[T], str], brackets: str = "[]"
) -> Iterator[str]:
    yield f',"{name}":{brackets[0]}'
    yield from _joined(rows, text)
    yield brackets[1]


def _joined(rows: Iterable[T], text: Callable[[T], str]) -> Iterator[str]:
    separator = ""
    for piece in _pieces(rows):
        yield separator + ",".join([text(row) for row in piece])
        separator = ","


def _pieces(rows: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(rows)
    while piece := list(islice(remaining, PIECE_ROWS_MAX)):
        yield piece
