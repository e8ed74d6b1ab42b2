"""What services say of themselves, and for whom the log is kept by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import attrs
import pytest

from pmengine.services.notes import (
    FORGOTTEN,
    FORGOTTEN_MS,
    SILENT_MS_MAX,
    Board,
    Herald,
    Note,
)
from pmengine.services.shown_history import ForeignHistory, HistoryStacks
from pmstore import START, Position, Stream, open_account_store, open_event_store
from pmstore.backends.memory import MemoryOrderStore, MemoryStream, MemoryTradeStore
from pmstore.testing import ManualClock
from tests.services.rig import DEADLINE_S, NOW_MS
from tests.services.streams import Fault, WatchedStream

CACHE_MAX_AGE_S = 1.0


@attrs.define
class Told:
    """A stream of notes, a board that reads it, and the time."""

    clock: ManualClock
    stream: Stream
    board: Board

    async def say(self, *notes: Note) -> None:
        """Put *notes* there, and read them."""
        await Herald(self.stream, lambda: notes).say(notes)
        await self.board.read()


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    clock = ManualClock(NOW_MS)
    async with MemoryStream(clock=clock) as stream:
        yield Told(clock, stream, Board(stream, clock))


def note(service: str, instance: str, needs_ms: int | None = None, **more: object) -> Note:
    needs = None if needs_ms is None else f"{needs_ms}-0"
    return Note(service=service, instance=instance, needs_after=needs, **more)  # type: ignore[arg-type]


async def test_the_log_is_kept_for_history_and_relay_however_long_they_are_away(
    told: Told,
) -> None:
    await told.say(note("history", "a", 5), note("relay", "b", 7), note("engine", "c", 3))
    assert sorted(told.board.needs()) == [Position(ms, 0) for ms in (3, 5, 5, 7, 7)]
    told.clock.move(SILENT_MS_MAX / 1000 + 1)
    assert sorted(told.board.needs()) == [Position(5, 0), Position(7, 0)]
    told.clock.move(2 * FORGOTTEN_MS / 1000)
    await told.board.trim()
    again = Board(told.stream, told.clock)
    await again.read()
    assert sorted(again.needs()) == [Position(5, 0), Position(7, 0)]
    assert not again.living("history")


async def test_a_standby_or_an_end_does_not_take_away_what_is_needed(told: Told) -> None:
    await told.say(note("history", "a", 5, number=9))
    await told.say(note("history", "standby", role="standby"))
    await told.say(note("history", "a", state="ended"))
    assert told.board.needs() == [Position(5, 0)]
    newest = told.board.newest("history")
    assert newest is not None
    assert newest.number == 9
    assert [one.instance for one in told.board.living("history")] == ["standby"]


async def test_nothing_is_kept_any_more_for_a_service_that_was_forgotten(told: Told) -> None:
    await told.say(note("history", "a", 5), note("relay", "b", 7))
    assert [one.service for one, _ in told.board.owed()] == ["history", "relay"]
    await told.say(Note(service="history", instance="", state=FORGOTTEN))
    again = Board(told.stream, told.clock)
    await again.read()
    for board in (told.board, again):
        assert [one.service for one, _ in board.owed()] == ["relay"]
        assert set(board.needs()) == {Position(7, 0)}
        assert board.newest("history") is None
        assert [one.service for one, _ in board.all()] == ["relay"]
    # It came back after all: its first word registers it again.
    await told.say(note("history", "c", 9))
    assert sorted(set(told.board.needs())) == [Position(7, 0), Position(9, 0)]


async def test_old_notes_go_and_the_newest_stay(told: Told) -> None:
    for number in range(50):
        await told.say(note("api", "a", number=number), note("history", "b", number))
    await told.board.trim()
    entries = await told.stream.read(START, 1000)
    assert len(entries) == 2
    told.clock.move(FORGOTTEN_MS / 1000 + 1)
    await told.say(note("api", "c"))
    await told.board.trim()
    assert [one.instance for one, _ in told.board.all()] == ["c"]


async def test_what_is_no_note_is_passed_over(told: Told) -> None:
    await told.stream.append([b"{}", b"\xff"])
    await told.say(note("api", "a"))
    assert [one.instance for one, _ in told.board.all()] == ["a"]


async def test_a_change_is_told_at_once_and_an_outage_is_no_end() -> None:
    number = 0

    def notes() -> list[Note]:
        return [note("history", "a", number, number=number)]

    async with WatchedStream(MemoryStream()) as stream:
        stream.faults.extend([Fault.BEFORE, Fault.REFUSED])
        board = Board(stream, ManualClock(NOW_MS))
        tasks = [
            asyncio.create_task(one)
            for one in (Herald(stream, notes, hasty={"history"}).run(), board.run())
        ]
        async with asyncio.timeout(DEADLINE_S):
            for number in range(1, 5):  # the notes read it
                while (newest := board.newest("history")) is None or newest.number < number:
                    await board.heard()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def stacks() -> HistoryStacks:
    return HistoryStacks(
        orders=MemoryOrderStore(),
        trades=MemoryTradeStore(),
        accounts=open_account_store("memory://"),
        events=open_event_store("memory://"),
    )


async def test_the_truth_is_asked_until_caches_must_have_heard(told: Told) -> None:
    now_s = 100.0
    cached, truth = stacks(), stacks()
    history = ForeignHistory(
        told.board,
        cached=cached,
        truth=truth,
        cache_max_age_s=CACHE_MAX_AGE_S,
        now=lambda: now_s,
    )
    assert history.orders is truth.orders
    now_s += CACHE_MAX_AGE_S + 0.1
    assert history.orders is cached.orders
    await told.say(note("history", "a", 1, number=3))
    assert history.orders is truth.orders
    assert history.place.number == 3
    now_s += CACHE_MAX_AGE_S
    assert history.accounts is truth.accounts
    now_s += 0.1
    assert history.trades is cached.trades


async def test_who_waits_for_an_entry_is_woken_when_history_has_it(told: Told) -> None:
    history = ForeignHistory(
        told.board, cached=stacks(), truth=stacks(), cache_max_age_s=1.0, now=lambda: 0.0
    )
    waiting = asyncio.create_task(history.reached(5))
    await told.say(note("history", "a", 1, number=4))
    for _ in range(10):  # turns of the loop, in which it would go on
        await asyncio.sleep(0)
    assert not waiting.done()
    await told.say(note("history", "a", 1, number=5))
    async with asyncio.timeout(DEADLINE_S):
        await waiting
