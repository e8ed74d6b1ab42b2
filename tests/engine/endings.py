"""Random pauses and ends of markets, each with the commands that bring back what they took."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from pmengine.commands import (
    AddOneEvent,
    AddOneMarket,
    Command,
    PauseMarket,
    PostOnly,
    RemoveOneEvent,
    RemoveOneMarket,
    Resolve,
    ResolveEvent,
    ResumeAllEvents,
    ResumeMarket,
    Split,
    StopAllEvents,
)
from tests.engine.listings import (
    EXCLUSIVE_ID,
    EXCLUSIVE_MARKETS,
    LINEAR,
    MARKETS,
    QUADRATIC,
    USERS,
    exclusive_event,
    market,
)


class Endings:
    """
    Stops or ends something; what brings it back comes a few commands later.

    Args:
        chance: Shared with the tape, so that one seed gives one run.
        new_id: Makes the ids of commands.
    """

    def __init__(self, chance: Random, new_id: Callable[[], str]) -> None:
        self._chance = chance
        self._new_id = new_id

    def next(self, now_ms: int, *, exclusive: bool) -> list[Command]:
        """The command that stops or ends something, then those that undo it."""
        roll = self._chance.random()
        if roll < 0.5:
            return self._pause()
        if exclusive and roll < 0.65:
            return self._end_exclusive()
        return self._end_plain(now_ms)

    def _pause(self) -> list[Command]:
        chance = self._chance
        roll = chance.randrange(3)
        if roll == 0:
            return [StopAllEvents(), ResumeAllEvents(post_only_ms=chance.choice((0, 50, 200)))]
        if roll == 1:
            return [PostOnly(for_ms=chance.choice((1, 60, 300)))]
        event_id, market_id = chance.choice(MARKETS)
        return [
            PauseMarket(event_id=event_id, market_id=market_id),
            ResumeMarket(event_id=event_id, market_id=market_id),
        ]

    def _end_exclusive(self) -> list[Command]:
        chance = self._chance
        numbers = [number for _, number in EXCLUSIVE_MARKETS]
        winner = chance.choice(numbers)
        payouts: dict[int, tuple[int, int]] = {
            number: (10_000, 0) if number == winner else (0, 10_000) for number in numbers
        }
        if chance.random() < 0.3:
            payouts = {1: (2_500, 7_500), 2: (7_400, 2_600), 3: (100, 9_900)}
        resolve = ResolveEvent(event_id=EXCLUSIVE_ID, payouts=payouts)
        if chance.random() < 0.3:
            resolve = ResolveEvent(event_id=EXCLUSIVE_ID, void=True)
        remove = RemoveOneEvent(event_id=EXCLUSIVE_ID)
        undone: list[Command] = [exclusive_event()]
        for user_id in USERS:
            for number in numbers:
                undone.append(self._split(EXCLUSIVE_ID, number, user_id))
        return [*chance.choice(([resolve, remove], [remove, resolve])), *undone]

    def _end_plain(self, now_ms: int) -> list[Command]:
        chance = self._chance
        event_id, market_id = chance.choice(MARKETS)
        ended: dict[str, Any] = {"event_id": event_id}
        payouts = chance.choice(((10_000, 0), (0, 10_000), (5_000, 5_000), (3, 9_997)))
        answer: dict[str, Any] = {"payouts": payouts} if chance.random() < 0.8 else {"void": True}
        first = chance.choice(
            (
                Resolve(market_id=market_id, **ended, **answer),
                RemoveOneMarket(market_id=market_id, **ended),
                RemoveOneEvent(**ended),
            )
        )
        listed = [number for event, number in MARKETS if event == event_id]
        undone: list[Command] = [Resolve(market_id=n, **ended, **answer) for n in listed]
        undone += [RemoveOneMarket(market_id=number, **ended) for number in listed]
        if chance.random() < 0.7:
            undone.append(RemoveOneEvent(**ended))
        return [first, *undone, *self._listed_again(event_id, listed, now_ms)]

    def _listed_again(self, event_id: int, listed: list[int], now_ms: int) -> list[Command]:
        chance = self._chance
        end_date = None
        if chance.random() < 0.3:
            ends_ms = now_ms + chance.randint(500, 60_000)
            end_date = datetime.fromtimestamp(ends_ms / 1000, UTC).isoformat()
        fees = chance.choice((None, LINEAR, QUADRATIC))
        markets = {number: market(event_id, number, 1, fees) for number in listed}
        again: list[Command] = [AddOneEvent(event_id=event_id, markets=markets, end_date=end_date)]
        for number in listed:
            again.append(
                AddOneMarket(
                    event_id=event_id, market_id=number, market=market(event_id, number, 1, fees)
                )
            )
            again += [self._split(event_id, number, user_id) for user_id in USERS]
        return again

    def _split(self, event_id: int, market_id: int, user_id: str) -> Split:
        return Split(
            id=self._new_id(),
            user_id=user_id,
            event_id=event_id,
            market_id=market_id,
            quantity=self._chance.randint(1, 500),
        )
