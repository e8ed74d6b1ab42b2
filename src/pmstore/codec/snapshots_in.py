"""The JSON of a snapshot file -> snapshots: ours, verified, and the source's own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from pmstore.codec.balances import WireBalance, to_balance
from pmstore.codec.batches import FORMAT_VERSION
from pmstore.codec.entries import position_version
from pmstore.codec.events import WireEvent, to_event
from pmstore.codec.json_text import READ_ERRORS, corrupt
from pmstore.codec.later_dialect import translate_order
from pmstore.codec.orders import WireOrder, to_order
from pmstore.codec.validity import check_event, check_order
from pmstore.codec.written_rows import WrittenMemories, WrittenOrders, sort_by_place
from pmstore.errors import CorruptData
from pmstore.models.changes import Remembered
from pmstore.models.group import Group
from pmstore.models.leaving import Leaving
from pmstore.models.market import Event
from pmstore.models.order import ACTIVE_STATUSES, Order
from pmstore.models.position import Position
from pmstore.models.snapshot import Snapshot, SnapshotInfo

_CHECKSUM: Final = re.compile(rb'"checksum":"([0-9a-f]{64})"\}\s*\Z')
_CHECKSUM_WITHIN: Final = 256
_OUR_MEMBERS: Final = ("v", "checksum", "number", "hash", "input_position")
"""A file with one of these was written by us, so its checksum must be there."""


class _WireGroup(msgspec.Struct):
    orders: list[WireOrder]


class _UnreadGroup(msgspec.Struct):
    orders: msgspec.Raw


class _WireOrderGroup(msgspec.Struct):
    user_id: str
    group: str
    quantity_max: int
    window_ms: int
    triggered: bool = False
    fills: tuple[tuple[int, int], ...] = ()


class _WireRest(msgspec.Struct, kw_only=True):
    """A file without its orders and memories; the source's has the first three alone."""

    events: dict[str, WireEvent]
    timestamp: int
    last_message_id: str | None = None
    v: int = FORMAT_VERSION
    input_position: dict[str, str] | None = None
    number: int = 0
    hash: str = ""
    time_ms: int = 0
    paused: bool = False
    post_only_until_ms: int = 0
    order_counter: int = 0
    trade_counter: int = 0
    deposited: int = 0
    work: list[tuple[int, int] | Leaving] = []
    groups: list[_WireOrderGroup] = []
    sessions: list[tuple[str, str, int]] = []
    balances: list[WireBalance] = []
    ended: list[tuple[int, str, str, str]] = []
    user_update_ids: dict[str, int] = {}
    trail: list[tuple[int, str]] = []
    skipped: list[str] = []


class _WireForeign(_WireRest, kw_only=True):
    snapshots: list[_WireGroup]


class _WireOurs(_WireRest, kw_only=True):
    """Our file; what there are millions of is read piece by piece."""

    snapshots: list[_UnreadGroup]
    memories: msgspec.Raw = msgspec.Raw(b"[]")


class _WireInfo(msgspec.Struct):
    """What our file says of itself; the rows are passed over."""

    timestamp: int
    number: int
    hash: str
    v: int
    last_message_id: str | None = None
    input_position: dict[str, str] | None = None


_decoder: Final = msgspec.json.Decoder(_WireOurs)
_info_decoder: Final = msgspec.json.Decoder(_WireInfo)


def decode_snapshot(payload: bytes, where: str) -> Snapshot:
    """
    The snapshot in a file, its orders by (`order_num`, `id`).

    A file of ours is verified against its checksum first; what its rows of orders and outcomes
    say is read when somebody asks for one of them. One without any member of ours is the
    source's: both dialects are read, its orders get the version of its
    `last_message_id`, and what a store may not hold is refused.

    Raises:
        CorruptData: It is no snapshot, or was changed or cut after it was written; says
            what and *where*. Asking for rows raises it too, where others than ours wrote them.

    Cost:
        That of the checksum: about half a microsecond a kilobyte; then 1.5 microseconds an order.
    """
    try:
        with _verifying(payload, where) as is_ours:
            if not is_ours:
                return _foreign(msgspec.json.decode(payload))
            return _ours(_decoder.decode(payload), where)
    except READ_ERRORS as error:
        raise corrupt(error, "a snapshot", where) from error


def decode_snapshot_info(payload: bytes, name: str, where: str) -> SnapshotInfo:
    """
    What the snapshot in a file is, without the millions of rows that may be in it.

    A file of ours is judged by its checksum: its bytes are those that were written. One of
    the source's is read as a whole.

    Raises:
        CorruptData: As for `decode_snapshot`.

    Cost:
        A tenth of `decode_snapshot`.
    """
    try:
        with _verifying(payload, where) as is_ours:
            if not is_ours:
                foreign = _foreign(msgspec.json.decode(payload))
                return SnapshotInfo.of(foreign, name=name, size_bytes=len(payload))
            wire = _info_decoder.decode(payload)
        _check_version(wire.v)
        return SnapshotInfo(
            name=name,
            timestamp=wire.timestamp,
            number=wire.number,
            hash=wire.hash,
            last_message_id=_position(wire.last_message_id),
            input_position=_positions(wire.input_position),
            size_bytes=len(payload),
        )
    except READ_ERRORS as error:
        raise corrupt(error, "a snapshot", where) from error


@contextmanager
def _verifying(payload: bytes, where: str) -> Iterator[bool]:
    """
    Whether *payload* was ever ours; if so, its bytes are verified while it is read inside.

    Raises:
        CorruptData: At the end, whatever came of the reading: they are not those we wrote.
    """
    found = _CHECKSUM.search(payload, max(0, len(payload) - _CHECKSUM_WITHIN))
    if found is None:
        yield False
        return
    with ThreadPoolExecutor(1) as hashing:
        hashed = hashing.submit(hashlib.sha256, memoryview(payload)[: found.start()])
        try:
            yield True
        finally:
            checksum = hashed.result().hexdigest()
            if checksum.encode() != found[1]:
                raise CorruptData(
                    f"the snapshot was changed after it was written: its bytes have the checksum "
                    f"{checksum} and it says {found[1].decode()}",
                    where=where,
                )


def _foreign(document: Any) -> Snapshot:
    if not isinstance(document, dict):
        raise ValueError("it is no object")
    ours = [name for name in _OUR_MEMBERS if name in document]
    if ours:
        raise ValueError(
            f"it has {ours[0]!r} and so is ours, but no checksum at its end: it was cut or changed"
        )
    groups = document.get("snapshots")
    if isinstance(groups, list):
        document["snapshots"] = [_translate_group(group) for group in groups]
    wire = msgspec.convert(document, _WireForeign)
    orders = [to_order(order) for group in wire.snapshots for order in group.orders]
    sort_by_place(orders)
    snapshot = _snapshot(wire, orders, [])
    last = snapshot.last_message_id
    version = 0 if last is None else position_version(last)
    seen: set[str] = set()
    for order in snapshot.orders:
        order.version = order.version or version
        check_order(order)
        if order.id in seen:
            raise ValueError(f"order {order.id} is there twice")
        if order.status not in ACTIVE_STATUSES:
            raise ValueError(
                f"order {order.id} is {order.status.value}; only open ones belong here"
            )
        seen.add(order.id)
    for event in snapshot.events.values():
        check_event(event)
    return snapshot


def _translate_group(group: Any) -> Any:
    if isinstance(group, dict) and isinstance(group.get("orders"), list):
        return {"orders": [translate_order(order) for order in group["orders"]]}
    return group


def _ours(wire: _WireOurs, where: str) -> Snapshot:
    _check_version(wire.v)
    orders = WrittenOrders(arrays=[group.orders for group in wire.snapshots], where=where)
    return _snapshot(wire, orders, WrittenMemories(arrays=[wire.memories], where=where))


def _snapshot(wire: _WireRest, orders: Sequence[Order], memories: Sequence[Remembered]) -> Snapshot:
    return Snapshot(
        orders=orders,
        events=_events(wire.events),
        timestamp=wire.timestamp,
        last_message_id=_position(wire.last_message_id),
        balances=[to_balance(row) for row in wire.balances],
        memories=memories,
        ended=[(time_ms, (user, kind, id)) for time_ms, user, kind, id in wire.ended],
        user_update_ids=wire.user_update_ids,
        work=wire.work,
        groups={
            (row.user_id, row.group): Group(
                quantity_max=row.quantity_max,
                window_ms=row.window_ms,
                triggered=row.triggered,
                fills=row.fills,
            )
            for row in wire.groups
        },
        sessions={(user_id, session): until_ms for user_id, session, until_ms in wire.sessions},
        order_counter=wire.order_counter,
        trade_counter=wire.trade_counter,
        deposited=wire.deposited,
        paused=wire.paused,
        post_only_until_ms=wire.post_only_until_ms,
        time_ms=wire.time_ms,
        input_position=_positions(wire.input_position),
        number=wire.number,
        hash=wire.hash,
        trail=wire.trail,
        skipped=wire.skipped,
    )


def _check_version(version: int) -> None:
    if version != FORMAT_VERSION:
        raise ValueError(
            f"it has format version {version}; this release reads {FORMAT_VERSION}: update it"
        )


def _positions(texts: dict[str, str] | None) -> dict[str, Position] | None:
    if texts is None:
        return None
    return {stream: Position.parse(text) for stream, text in texts.items()}


def _position(text: str | None) -> Position | None:
    return None if text is None else Position.parse(text)


def _events(written: dict[str, WireEvent]) -> dict[int, Event]:
    events = {}
    for key, wire in written.items():
        if key != str(wire.event_id):
            raise ValueError(f"event {wire.event_id} stands under {key[:40]!r}")
        events[wire.event_id] = to_event(wire)
    return events
