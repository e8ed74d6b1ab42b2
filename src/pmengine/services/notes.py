"""How services know of each other: notes on a stream that say who runs and how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence, Set
from typing import Final

import msgspec
import structlog

from pmengine.services.log import before
from pmengine.services.outages import persistently
from pmstore import START, Entry, Position, StoreUnavailable, Stream
from pmstore.clock import Clock

SERVICE_STREAM: Final = "service_stream"
SILENT_MS_MAX: Final = 3_000
"""A service whose last note is older does not run, or cannot say so."""
FORGOTTEN_MS: Final = 3_600_000
"""After so long nobody is told any more of an instance that is owed nothing."""
READ_ENTRIES_MAX: Final = 1_000
READ_WAIT_S: Final = 1.0
HASTE_S: Final = 0.02
CHANGE_S: Final = 0.25
HEARTBEAT_S: Final = 1.0

OWED: Final = frozenset({"history", "processor", "relay"})
"""Services for which the log is kept, however long they are away."""
FORGOTTEN: Final = "forgotten"
"""The state of the note by which an operator takes a service out: nothing is kept for it."""

_logger = structlog.get_logger("pmengine.notes")


class Note(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """
    What one service says of itself; times in epoch milliseconds.

    `number` and `position` are how far it is on the log, `needs_after` what of the log it still
    needs (everything after it). `role` is `leader` or `standby` where one instance works at a
    time. `lack` says why a leading engine takes nothing new now. `url` is where its health is
    told. `state` is `starting` (also while it waits for its turn), `running` or `ended`;
    `forgotten` is what an operator says of a service that is gone for good.
    """

    service: str
    instance: str
    state: str = "running"
    role: str = ""
    epoch: int = 0
    number: int = 0
    position: str = str(START)
    needs_after: str | None = None
    lack: str = ""
    host: str = ""
    pid: int = 0
    url: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Which instance of which service."""
        return self.service, self.instance


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Note)


class Herald:
    """
    Puts the notes of a process on the stream: what changed soon, and everything every second.

    Args:
        notes: Gives the notes as they are now.
        hasty: Services of which others wait to hear: their changes are told within
            `HASTE_S` seconds, those of others within `CHANGE_S`.
    """

    def __init__(
        self,
        stream: Stream,
        notes: Callable[[], Sequence[Note]],
        *,
        hasty: Set[str] = frozenset(),
    ) -> None:
        self._stream = stream
        self._notes = notes
        self._hasty = hasty
        self._said: dict[tuple[str, str], Note] = {}

    async def run(self) -> None:
        """Tell until cancelled; an outage is waited out in silence."""
        loop = asyncio.get_running_loop()
        all_due = changes_due = loop.time()
        while True:
            now, notes = loop.time(), self._notes()
            due = notes
            if now < all_due:
                is_due = now >= changes_due
                due = [
                    note
                    for note in notes
                    if (is_due or note.service in self._hasty) and self._said.get(note.key) != note
                ]
            if due:
                try:
                    await self.say(due)
                except StoreUnavailable as error:
                    _logger.debug("note_not_taken", reason=str(error))
                    await asyncio.sleep(CHANGE_S)  # haste would be in vain
            if now >= all_due:
                all_due = now + HEARTBEAT_S
            if now >= changes_due:
                changes_due = now + CHANGE_S
            await asyncio.sleep(HASTE_S if self._hasty else CHANGE_S)

    async def say(self, notes: Sequence[Note]) -> None:
        """
        Tell *notes* now.

        Raises:
            StoreUnavailable: Perhaps nobody was told.
        """
        await self._stream.append([_encoder.encode(note) for note in notes])
        self._said.update((note.key, note) for note in notes)


class Board:
    """The newest note of each service, as the stream tells them."""

    def __init__(self, stream: Stream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._after = START
        self._notes: dict[tuple[str, str], tuple[Position, Note]] = {}
        self._owed: dict[str, tuple[Position, Note]] = {}
        """The last note of each service in `OWED` that said what it needs."""
        self._heard = asyncio.Event()

    async def read(self) -> None:
        """Read what is there now, and no more."""
        while entries := await self._stream.read(self._after, READ_ENTRIES_MAX):
            self._take(entries)

    async def run(self) -> None:
        """Follow until cancelled, over outages."""
        while True:
            self._take(await persistently(self._read, "board"))
            await asyncio.sleep(0)

    async def heard(self) -> None:
        """Wait for the next notes."""
        await self._heard.wait()

    def newest(self, service: str) -> Note | None:
        """The last note of *service*, one of `OWED`, that said what it needs; also of one gone."""
        held = self._owed.get(service)
        return None if held is None else held[1]

    def all(self) -> list[tuple[Note, int]]:
        """Every instance's last note, with how long ago it was put there (ms)."""
        now_ms = self._clock()
        held = sorted(self._notes.values(), key=lambda one: one[1].key)
        return [(note, max(0, now_ms - at.ms)) for at, note in held]

    def living(self, service: str) -> list[Note]:
        """The instances of *service* that run, as far as is known."""
        return [
            note
            for note, age_ms in self.all()
            if note.service == service and age_ms <= SILENT_MS_MAX and note.state != "ended"
        ]

    def heard_at(self, service: str) -> list[tuple[Note, Position]]:
        """The last note of each instance of *service*, with its place among the notes."""
        return [(note, at) for at, note in self._notes.values() if note.service == service]

    def owed(self) -> list[tuple[Note, int]]:
        """For whom the log is kept, here or away, and how long ago each last said so (ms)."""
        now_ms = self._clock()
        held = sorted(self._owed.values(), key=lambda one: one[1].key)
        return [(note, max(0, now_ms - at.ms)) for at, note in held]

    def needs(self) -> list[Position]:
        """After which positions the log is still needed by somebody."""
        owed = [note for _, note in self._owed.values()]
        following = [note for note, age_ms in self.all() if age_ms <= SILENT_MS_MAX]
        return [
            Position.parse(note.needs_after)
            for note in (*owed, *following)
            if note.needs_after is not None
        ]

    async def trim(self) -> None:
        """Let go the notes that were followed by newer ones, and those of who is long gone."""
        now_ms = self._clock()
        for key, (at, _) in list(self._notes.items()):
            if now_ms - at.ms > FORGOTTEN_MS:
                del self._notes[key]
        held = [at for at, _ in (*self._notes.values(), *self._owed.values())]
        if held:
            await self._stream.trim(before(min(held)))

    async def _read(self) -> list[Entry]:
        return await self._stream.read(self._after, READ_ENTRIES_MAX, READ_WAIT_S)

    def _take(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._after = entry.id
            try:
                note = _decoder.decode(entry.payload)
            except msgspec.DecodeError as error:
                _logger.warning("unreadable_note", position=str(entry.id), reason=str(error))
                continue
            if note.state == FORGOTTEN:
                self._owed.pop(note.service, None)
                for key in [key for key in self._notes if key[0] == note.service]:
                    del self._notes[key]
                continue
            self._notes[note.key] = (entry.id, note)
            if note.service in OWED and note.needs_after is not None:
                self._owed[note.service] = (entry.id, note)
        if entries:
            self._heard.set()
            self._heard = asyncio.Event()
