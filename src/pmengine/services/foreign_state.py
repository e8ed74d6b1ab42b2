"""What another engine's changes add up to: open orders, events, and how far they were read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Self

import attrs

from pmstore import (
    ACTIVE_STATUSES,
    Change,
    MarketUpdateId,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderUpdated,
    Position,
    Snapshot,
    State,
    Symbol,
)

SKIPPED_MAX: Final = 1_000
"""How many of the entries that could not be read a snapshot names: the newest."""


@attrs.frozen(kw_only=True)
class ForeignEntry:
    """
    One entry of another engine's stream, read whole.

    `number` counts the entries from where reading them began. One that could not be read has
    no changes and is `skipped`.
    """

    number: int
    changes: Iterable[Change]
    skipped: bool = False
    hash: str = ""
    """Such entries have none."""


class ForeignState:
    """
    The `State` of another engine, as far as its changes tell; a `Fold`.

    Only orders that are active, of markets that are listed, are kept: what comes late about a
    market that was removed changes nothing.

    Args:
        state: As found; this one's own from now on.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.passed_over = 0
        """Changes of orders and ladders whose market is not listed."""

    @property
    def last_message_id(self) -> Position | None:
        """The position of the last entry that is folded, or passed over."""
        return self._state.last_message_id

    @property
    def number(self) -> int:
        """How many entries were folded since the first."""
        return self._state.number

    @property
    def hash(self) -> str:
        """Nothing: entries of another engine are not chained."""
        return self._state.hash

    def apply_batch(self, position: Position, entry: ForeignEntry) -> None:
        """Fold one more entry together with its position."""
        state = self._state
        for change in entry.changes:
            self._apply(change)
        if entry.skipped:
            state.skipped.append(str(position))
            del state.skipped[:-SKIPPED_MAX]
        state.last_message_id = position
        state.number = entry.number
        state.time_ms = max(state.time_ms, position.ms)

    def _apply(self, change: Change) -> None:
        if isinstance(change, OrderCreated | OrderUpdated):
            order = change.order
            if order.status not in ACTIVE_STATUSES:
                self._state.apply(_end_of(order))
            elif self._is_listed(order.symbol):
                self._state.apply(change)
            else:
                self.passed_over += 1
        elif isinstance(change, MarketUpdateId) and not self._is_listed(change):
            self.passed_over += 1
        else:
            self._state.apply(change)

    def _is_listed(self, of: Symbol | MarketUpdateId) -> bool:
        event = self._state.events.get(of.event_id)
        return event is not None and of.market_id in event.markets

    def freeze(self, timestamp: int) -> Snapshot:
        """A snapshot of everything, taken at *timestamp*; see `State.freeze`."""
        return self._state.freeze(timestamp)

    def digest(self) -> str:
        """The digest of what is folded. Cost: O(state)."""
        return self._state.digest()

    @classmethod
    def restore(cls, snapshot: Snapshot, /, *, id_memory_s: int) -> Self:
        """The state that *snapshot* is a picture of."""
        return cls(State.restore(snapshot, id_memory_s=id_memory_s))


def _end_of(order: Order) -> OrderCancelled:
    """That *order* is open no more; the state does not ask how it ended."""
    return OrderCancelled(
        order_id=order.id,
        symbol=order.symbol,
        user_id=order.user_id,
        version=order.version,
        filled_quantity=order.filled_quantity,
        remaining_quantity=order.remaining_quantity,
        timestamp=order.timestamp,
    )
