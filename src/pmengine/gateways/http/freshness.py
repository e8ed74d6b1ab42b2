"""Nobody reads stale: questions wait until the stores hold what was answered before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from pmengine.gateways.http.problems import Problem
from pmengine.gateways.venue import Venue
from pmengine.services.shown_history import ShownHistory


class Freshness:
    """
    Remembers the newest entry of the log that a client was told of.

    One number for all clients: stores follow the log as a whole, so waiting for the newest
    costs no more than waiting for one's own, and nothing is kept for each client.

    Args:
        timeout_s: How long to wait for the stores.
        number: What clients were told of before.
        elsewhere: The newest entry that clients of other gateways may have been told of.
        further: The same for each further shard, from number 1 on.
    """

    def __init__(
        self,
        history: ShownHistory,
        timeout_s: float,
        number: int,
        elsewhere: Callable[[], int] = lambda: 0,
        further: Sequence[Freshness] = (),
    ) -> None:
        self._history = history
        self._timeout_s = timeout_s
        self._number = number
        self._elsewhere = elsewhere
        self._latest = 0
        self._further = further

    def told(self, number: int, shard: int = 0) -> None:
        """A client was, or is about to be, told of entry *number* of a shard's log."""
        if shard:
            self._further[shard - 1].told(number)
        elif number > self._number:
            self._number = number

    async def reached(self) -> None:
        """
        Wait until the stores hold everything that was told.

        Raises:
            Problem: They did not catch up in time (503).
        """
        for one in self._further:
            await one.reached()
        latest = self._elsewhere()
        if latest < self._latest:
            # The log lost its tail: what was told beyond is gone, and nobody can show it.
            self._number = latest
        self._latest = latest
        self.told(latest)
        if self._history.place.number >= self._number:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._history.reached(self._number)
        except TimeoutError:
            raise Problem(
                503,
                "HISTORY_BEHIND",
                f"the stores did not catch up within {self._timeout_s:g} s; ask again",
                headers={b"retry-after": b"1"},
            ) from None


def freshness_of(venue: Venue) -> Freshness:
    """That of a gateway of *venue*, over all of its shards."""
    further = [
        Freshness(one.history, venue.answer_timeout_s, one.recovered_number, one.elsewhere_number)
        for one in venue.further
    ]
    return Freshness(
        venue.history,
        venue.answer_timeout_s,
        venue.recovered_number,
        venue.elsewhere_number,
        further,
    )
