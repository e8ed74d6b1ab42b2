"""A frozen picture of everything that the log has said so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from pmstore.models.balance import Balance
from pmstore.models.changes import Remembered
from pmstore.models.group import Group, GroupKey, SessionKey
from pmstore.models.leaving import Leaving
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.models.position import Position

MemoryKey = tuple[str, str, str]
"""Under what an outcome is remembered: user, kind of command, id."""

MarketKey = tuple[int, int]
"""A market by its event and its own number."""


@attrs.frozen(kw_only=True)
class Snapshot:
    """
    The state after the entry at `last_message_id`.

    `orders` are the active ones in `order_num` order. `balances` keep the order in which
    the rows came to be (payments follow it), `memories` the order of arrival; `ended` says
    when the order or command of a memory ended (without an entry it is still open). `work` is
    left over, the oldest first: markets whose orders or holders are being worked off, and
    orders that left. `sessions` say until when each lives. `input_position`, `number` and
    `hash` are absent in a foreign snapshot. `trail` are the numbers and hashes of the last
    entries, oldest first: they tell a log that lost its tail from one that was rewritten.
    `skipped` names the undecodable entries that the position moved over. Times in epoch
    milliseconds. Sequences are compared by what is in them, whatever their type.
    """

    orders: Sequence[Order] = attrs.field(eq=tuple)
    events: Mapping[int, Event]
    timestamp: int
    last_message_id: Position | None
    balances: Sequence[Balance] = attrs.field(default=(), eq=tuple)
    memories: Sequence[Remembered] = attrs.field(default=(), eq=tuple)
    ended: Sequence[tuple[int, MemoryKey]] = attrs.field(default=(), eq=tuple)
    user_update_ids: Mapping[str, int] = attrs.Factory(dict)
    work: Sequence[MarketKey | Leaving] = attrs.field(default=(), eq=tuple)
    groups: Mapping[GroupKey, Group] = attrs.Factory(dict)
    sessions: Mapping[SessionKey, int] = attrs.Factory(dict)
    order_counter: int = 0
    trade_counter: int = 0
    deposited: int = 0
    paused: bool = False
    post_only_until_ms: int = 0
    time_ms: int = 0
    input_position: Mapping[str, Position] | None = None
    number: int = 0
    hash: str = ""
    trail: Sequence[tuple[int, str]] = attrs.field(default=(), eq=tuple)
    skipped: Sequence[str] = attrs.field(default=(), eq=tuple)


@attrs.frozen(kw_only=True)
class SnapshotInfo:
    """One stored generation. `problem` says why it is not valid; None after verification."""

    name: str
    timestamp: int
    number: int
    hash: str
    last_message_id: Position | None
    input_position: Mapping[str, Position] | None
    size_bytes: int
    problem: str | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, *, name: str, size_bytes: int) -> SnapshotInfo:
        """The description of a valid generation."""
        positions = snapshot.input_position
        return cls(
            name=name,
            timestamp=snapshot.timestamp,
            number=snapshot.number,
            hash=snapshot.hash,
            last_message_id=snapshot.last_message_id,
            input_position=None if positions is None else dict(positions),
            size_bytes=size_bytes,
        )
