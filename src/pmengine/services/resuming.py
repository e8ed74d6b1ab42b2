"""Where history goes on: at what its stores have had, if that is of this log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import attrs
import structlog

from pmengine.services.history_stores import Standing
from pmengine.services.log import BEGINNING, Ends, Log, Place, before, link_of
from pmengine.services.recovery import CannotStart, Recovered
from pmstore import START, Position, SnapshotStore

READ_ENTRIES_MAX: Final = 256

_logger = structlog.get_logger("pmengine.history")


@attrs.frozen
class Resumption:
    """
    History reads on after `place`.

    `base` is the state that the stores without a position begin with; None if there is no
    store that needs one: trades are facts of their own.
    """

    place: Place
    base: Recovered | None


class Resuming:
    """
    Finds where history goes on, before anything is written.

    Args:
        recovered: What the engine goes on from.
        oldest: Finds the oldest verified snapshot behind the number that is given.
    """

    def __init__(
        self,
        log: Log,
        snapshots: SnapshotStore,
        recovered: Recovered,
        *,
        oldest: Callable[[int], Awaitable[Recovered]],
    ) -> None:
        self._log = log
        self._snapshots = snapshots
        # The engine goes on with the state itself: keep what is asked about it.
        state = recovered.state
        self._last = state.last_message_id or START
        self._trade_counter = state.trade_counter
        self._said = {
            "trades": state.trade_counter > 0,
            "orders": state.order_counter > 0,
            "accounts": bool(state.balances),
            "events": bool(state.events),
        }
        self._recovered_place = recovered.place
        self._lost_tail = recovered.lost_tail
        self._oldest = oldest

    async def behind(self, number: int) -> Recovered:
        """The first verified snapshot behind *number*, where a reader met a gap."""
        return await self._oldest(number)

    async def places(self, standing: Standing) -> list[Place]:
        """
        Where the stores with positions stand on the log; asked before the log goes on.

        Raises:
            CannotStart: A store knows more than the log, or what another log says.
            StoreUnavailable, CorruptData: From the log or the snapshots.
        """
        if standing.newest_trade > self._trade_counter:
            raise _refusal(
                f"the trade store has trade {standing.newest_trade}, and the log with its "
                f"snapshots knows of none after {self._trade_counter}"
            )
        ends = await self._log.ends()
        return [await self._place_of(position, ends) for position in set(standing.positions)]

    async def resume(self, standing: Standing, places: Sequence[Place]) -> Resumption:
        """
        The lowest of *places*, or further back for stores that have none.

        A store that keeps positions and has none, or that is empty, needs everything: from
        the oldest verified snapshot, or as far back as the log goes. One that cannot keep a
        position has had what the others have; for the tail that a crash of the machine may
        have cost it history begins no later than at the oldest verified snapshot.

        Raises:
            CannotStart: No verified snapshot fits the log, and it does not begin at number 1.
            StoreUnavailable, CorruptData: From the log or the snapshots.
        """
        if not standing.lacking and not standing.unpositioned:
            return Resumption(_lowest(places), None)
        base = await self._oldest(0)
        if not standing.lacking:
            is_needed = set(standing.unpositioned) != {"trades"}
            return Resumption(_lowest([*places, base.place]), base if is_needed else None)
        ends = await self._log.ends()
        begins: list[Place] = []
        if ends is not None:
            head, link = ends[0]
            begins.append(Place(before(head.id), link.number - 1, link.prev_hash))
        place = _lowest([*places, base.place, *begins])
        made_again = [name for name in standing.lacking if self._said[name]]
        if made_again:
            _logger.warning(
                "history_rebuilds",
                stores=made_again,
                after_number=place.number,
                detail="they name no entry that they have had; what ended or was traded up to this "
                "number is not added",
            )
        return Resumption(place, base)

    async def _place_of(self, position: Position, ends: Ends | None) -> Place:
        """The place of the entry that a store was written with, or a refusal."""
        entries = await self._log.stream.read(before(position), 1)
        if entries and entries[0].id == position:
            link = link_of(entries[0])
            return Place(position, link.number, link.hash)
        if not entries and self._lost_tail and position <= self._last:
            if position == self._last:
                return self._recovered_place
            if ends is not None:
                # The leader goes on above the snapshot: the gap is bridged when it is read.
                head, link = ends[1]
                return Place(head.id, link.number, link.hash)
        for info in await self._snapshots.list():
            if info.problem is None and info.last_message_id == position:
                snapshot = await self._snapshots.get(info.name)
                if snapshot is not None and await self._log.holds(snapshot):
                    return Place(position, snapshot.number, snapshot.hash)
        found = await self._before_gap(position)
        if found is not None:
            return found
        held = "is empty" if ends is None else f"holds {ends[0][0].id}..{ends[1][0].id}"
        raise _refusal(f"a store has had the log through {position}, and the log {held}")

    async def _before_gap(self, position: Position) -> Place | None:
        """
        The place before the gap of the log that *position* lies in, None if it lies in none.

        Cost: reads the log up to there; only a log that lost its tail has a gap.
        """
        place = BEGINNING
        while True:
            entries = await self._log.stream.read(place.position, READ_ENTRIES_MAX)
            if not entries:
                return None
            for entry in entries:
                link = link_of(entry)
                if entry.id > position:
                    bridged = place.number and link.number > place.number + 1
                    return place if bridged else None
                place = Place(entry.id, link.number, link.hash)


def _lowest(places: Sequence[Place]) -> Place:
    return min(places, key=lambda place: place.number)


def _refusal(what: str) -> CannotStart:
    return CannotStart(
        f"{what}: the log was removed, cut or replaced under the stores of orders, trades and "
        "accounts. Put the missing part of the log back; or move these stores away (embedded: "
        "pmstore.db* and trades.log in DATA_DIR), and they are made again from snapshots and "
        "log; nothing was changed."
    )
