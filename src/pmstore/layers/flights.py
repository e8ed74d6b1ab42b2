"""Reads of missing records that are under way: one for each key, whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Generic, TypeVar

import attrs

from pmstore.protocols.cache import Token

K = TypeVar("K")
R = TypeVar("R")


@attrs.frozen(eq=False)
class Flight(Generic[K, R]):
    """A read that several callers may wait for; none of them ends it by giving up."""

    task: asyncio.Future[dict[K, R]]
    began_s: float


class Flights(Generic[K, R]):
    """
    The flights of one stack.

    Args:
        fly: Reads keys, given the token of the first layer's lookup if it was asked.
        young_s: Seconds after which nobody joins a flight any more.
        now_s: Seconds on a clock that never goes back.
    """

    def __init__(
        self,
        fly: Callable[[Sequence[K], Token | None], Coroutine[Any, Any, dict[K, R]]],
        *,
        young_s: float,
        now_s: Callable[[], float],
    ) -> None:
        self._fly = fly
        self._young_s = young_s
        self._now_s = now_s
        self._by_key: dict[K, Flight[K, R]] = {}
        self._tasks: set[asyncio.Future[dict[K, R]]] = set()

    def board(self, wanted: Sequence[K], token: Token | None) -> list[tuple[Flight[K, R], list[K]]]:
        """For each key a flight that is young enough, or one new flight for all others."""
        now_s = self._now_s()
        boarded: dict[int, tuple[Flight[K, R], list[K]]] = {}
        alone: list[K] = []
        for key in wanted:
            flight = self._by_key.get(key)
            if flight is None or flight.began_s + self._young_s <= now_s:
                alone.append(key)
            else:
                boarded.setdefault(id(flight), (flight, []))[1].append(key)
        if alone:
            task = asyncio.ensure_future(self._fly(alone, token))
            flight = Flight(task, now_s)
            self._by_key.update(dict.fromkeys(alone, flight))
            self._tasks.add(task)
            task.add_done_callback(lambda _: self._landed(flight, alone))
            boarded[id(flight)] = (flight, alone)
        return list(boarded.values())

    def detach(self, keys: Iterable[K]) -> None:
        """These keys changed: who asks from now on begins a new flight."""
        for key in keys:
            self._by_key.pop(key, None)

    def detach_all(self) -> None:
        """Any key may have changed."""
        self._by_key.clear()

    async def close(self) -> None:
        """End all of them."""
        self._by_key.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _landed(self, flight: Flight[K, R], keys: Iterable[K]) -> None:
        self._tasks.discard(flight.task)
        if not flight.task.cancelled():
            # Nobody may be waiting for it any more; its error is not to be reported as lost.
            flight.task.exception()
        for key in keys:
            if self._by_key.get(key) is flight:
                del self._by_key[key]
