"""The engine's loop: input entries in, one chained entry of the log out, then the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import msgspec
import structlog

from pmengine.commands import ORDER_INPUT, Command, PostOnly, Tick, encode_command
from pmengine.engine import Engine
from pmengine.facts import Refusal
from pmengine.services.dead_letters import LETTERS_MAX, DeadLetter
from pmengine.services.inputs import reaches, read_commands, read_input
from pmengine.services.log import STORE_STREAM, Log, Place
from pmengine.services.outages import persistently
from pmengine.services.publishing import EngineStopped, Publisher
from pmengine.services.recovery import Recovered
from pmengine.services.room import Room
from pmstore import (
    START,
    Entry,
    Position,
    Remembered,
    Restored,
    StoreUnavailable,
    Stream,
)
from pmstore.clock import Clock

BATCH_COMMANDS_MAX: Final = 1_000
"""More cost a command hardly less, and make its answer wait for all the others."""

_logger = structlog.get_logger("pmengine.engine")


class InputBehind(EngineStopped):
    """A durable input ends before the position that the log says was consumed."""


class _Correlated(msgspec.Struct):
    correlation_id: str = ""
    user_id: str = ""
    types: str = ""


class EngineService:
    """
    Owns the engine: the one task that changes its state.

    A batch is what the inputs hold, up to the entry with which it has `BATCH_COMMANDS_MAX`
    commands, never a part of an entry. Its facts, and how far every input was consumed, become one
    entry of the log, taken only after the entry before it; who asked is answered by what
    follows the log, so never before it is durable.

    Args:
        recovered: Where the log stands.
        inputs: The input streams by name; all of their positions are in every batch.
        volatile_inputs: The inputs live in this process alone: trim what is consumed.
        epoch: The lease under which this engine writes.
        tick_ms: How often to look whether something is due.
        post_only_ms: For how long after a start on a log only post-only orders are taken.
        clock: The inputs' time.
        claim: Begin with an entry that changes nothing, so that no older epoch writes any more.
        dead_letters: Where input entries are put that cannot be read; unset, nowhere.
        room: Measures the log and the durable inputs; while the log is full no input is read,
            while any of them is no time is told. Unset, there is no bound.
    """

    def __init__(
        self,
        engine: Engine,
        log: Log,
        recovered: Recovered,
        *,
        inputs: Mapping[str, Stream],
        volatile_inputs: bool,
        epoch: int,
        tick_ms: int,
        clock: Clock,
        claim: bool = False,
        dead_letters: Stream | None = None,
        post_only_ms: int = 0,
        room: Room | None = None,
    ) -> None:
        self.engine = engine
        self.room = room or Room({}, None)
        self._publisher = Publisher(log, recovered, epoch)
        self.dead_letters = 0
        """Input entries that could not be read; each was logged with its place."""
        self._letters = dead_letters
        self._aside: list[bytes] = []
        self._lost_tail = recovered.lost_tail
        self._inputs = dict(inputs)
        self._volatile = volatile_inputs
        self._tick_s = tick_ms / 1000
        self._clock = clock
        self._claim = claim
        # Nobody has to come back to an exchange that nobody was on.
        self._post_only_ms = post_only_ms if recovered.place.number else 0
        self._stopping = asyncio.Event()
        consumed = recovered.state.input_position or {}
        self._positions = {name: consumed.get(name, START) for name in self._inputs}
        self._published = dict(self._positions)

    @property
    def place(self) -> Place:
        """The last entry of the log that is this engine's, or that it began on."""
        return self._publisher.place

    @property
    def positions(self) -> Mapping[str, Position]:
        """How far every input is consumed, as the log says it."""
        return self._published

    @property
    def lack(self) -> str:
        """
        Why nothing new should be sent to this engine now; empty if it takes commands.

        What is on its inputs already is taken when it goes on.
        """
        return self._publisher.trouble or self.room.lack

    def numbers(self) -> Mapping[str, float]:
        """What is worth counting of it, by names of metrics."""
        told = {"dead_letters": float(self.dead_letters), "accepting": float(not self.lack)}
        if self.room.bytes_max is not None:
            told["stream_bytes_max"] = self.room.bytes_max
        return told | {f"{name}_bytes": held for name, held in self.room.held_bytes.items()}

    def stop(self) -> None:
        """Finish the batch under way and end `run`."""
        self._stopping.set()

    async def announce(self) -> None:
        """
        Say to the own input for how long only post-only orders are taken; `run` does it too.

        What was sent while nobody led stands before it, and is taken as it was sent.
        """
        for_ms, self._post_only_ms = self._post_only_ms, 0
        if for_ms:
            await self._say(PostOnly(for_ms=for_ms))

    async def run(self) -> None:
        """
        Take commands until `stop`.

        Raises:
            PublishFailed, Superseded: See there; nobody was answered for what was not
                published.
            InputBehind: At the start.
        """
        await self._check_inputs()
        if self._lost_tail:
            self.engine.add_fact(Restored(self.place.number, self.place.hash))
            await self._publish()
            self._lost_tail = False
        elif self._claim:
            await self._publish()
        with suppress(StoreUnavailable):  # it is measured again and again
            await self.room.look()
        await self.announce()
        ticking = asyncio.create_task(self._tick())
        stopping = asyncio.create_task(self._stopping.wait())
        measuring = asyncio.create_task(self.room.run())
        reading: dict[str, asyncio.Task[list[Entry]]] = {}
        try:
            while not self._stopping.is_set():
                if self.room.is_full(STORE_STREAM):
                    await self._wait_for_room(stopping, measuring)
                    continue
                for name, stream in self._inputs.items():
                    if name not in reading:
                        reading[name] = asyncio.create_task(
                            read_input(stream, self._positions[name])
                        )
                await asyncio.wait(
                    {stopping, *reading.values()}, return_when=asyncio.FIRST_COMPLETED
                )
                ready = [name for name, task in reading.items() if task.done()]
                entries = {name: reading.pop(name).result() for name in ready}
                if any(entries.values()):
                    await self._take(entries)
                for beside in (ticking, measuring):
                    if beside.done():
                        beside.result()
        finally:
            ending = (ticking, stopping, measuring, *reading.values())
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def _wait_for_room(self, *others: asyncio.Task[Any]) -> None:
        """Leave the inputs as they are until the log was trimmed, or one of *others* ended."""
        freed = asyncio.create_task(self.room.freed(STORE_STREAM))
        try:
            await asyncio.wait({freed, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            freed.cancel()
        for task in others:
            if task.done():
                task.result()

    async def _take(self, entries: Mapping[str, list[Entry]]) -> None:
        handle = self.engine.do
        taken = 0
        for name, some in entries.items():
            for entry in some:
                try:
                    commands = read_commands(entry.payload)
                except ValueError as error:
                    self._dead_letter(name, entry, str(error))
                    commands = []
                for command in commands:
                    handle(command, entry.id.ms)
                self._positions[name] = entry.id
                taken += len(commands)
                if taken >= BATCH_COMMANDS_MAX:
                    await self._finish()
                    taken = 0
                    if self.room.is_full(STORE_STREAM):
                        return  # the rest is read again when there is room
        if self._positions != self._published:
            await self._finish()

    async def _finish(self) -> None:
        """End the batch under way with its entry of the log."""
        before = self._published
        await self._put_aside()
        await self._publish()
        if self._volatile:
            for name, position in self._published.items():
                if position != before[name]:
                    await self._inputs[name].trim(position)

    def _dead_letter(self, name: str, entry: Entry, reason: str) -> None:
        """Put an unreadable entry aside, and answer it if it says who asked."""
        self.dead_letters += 1
        self._aside.append(DeadLetter.of(name, entry, reason).encode())
        _logger.warning("dead_letter", stream=name, position=str(entry.id), reason=reason)
        try:
            asked = msgspec.json.decode(entry.payload, type=_Correlated)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if asked.correlation_id:
            self.engine.add_fact(
                Remembered(
                    "",
                    asked.types,
                    "",
                    Refusal.MALFORMED.name,
                    "",
                    self.engine.time_ms,
                    (),
                    asked.correlation_id,
                    True,
                )
            )

    async def _put_aside(self) -> None:
        """Keep the letters before the log says that their entries are consumed."""
        letters, self._aside = self._aside, []
        if self._letters is None:
            return
        for start in range(0, len(letters), LETTERS_MAX):
            some = letters[start : start + LETTERS_MAX]
            await persistently(partial(self._letters.append, some), "dead letters")

    async def _publish(self) -> None:
        """Make the engine's facts the next entry of the log."""
        positions = dict(self._positions)
        size_bytes = await self._publisher.publish(
            self.engine.time_ms, positions, self.engine.take_facts()
        )
        self._published = positions
        await self.room.grew(STORE_STREAM, size_bytes)

    async def _check_inputs(self) -> None:
        for name, stream in self._inputs.items():
            if self._lost_tail and not self._volatile:
                # The input came back from the past with the log: what it is given from now on
                # must stand behind what the snapshot has consumed.
                await stream.append([encode_command(Tick())])
            position = self._positions[name]
            if not self._volatile and position > START and not await reaches(stream, position):
                bounds = await stream.bounds()
                last = START if bounds is None else bounds.last.id
                raise InputBehind(
                    f"{name} ends at {last}, but the log says that it was consumed through "
                    f"{position}: restore it, or start with an input that continues after that "
                    "position"
                )

    async def _tick(self) -> None:
        """Say to the own input that time has passed, while something is due."""
        while True:
            await asyncio.sleep(self._tick_s)
            if self.engine.due_ms() <= self._clock() and not self.room.lack:
                await self._say(Tick())

    async def _say(self, command: Command) -> None:
        """Put a command of the leader's own on its input, over outages."""
        payload = encode_command(command)
        await persistently(partial(self._inputs[ORDER_INPUT].append, [payload]), "engine")
