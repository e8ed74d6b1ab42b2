"""Versioned records in Redis, whatever they are: kept, removed, found, moved with a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

import attrs

from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.record_questions import FIND, LOAD
from pmstore.backends.redis.record_scripts import REMOVE, SAVE
from pmstore.backends.redis.scripts import padded
from pmstore.clock import Clock
from pmstore.errors import CorruptData, InvalidQuery
from pmstore.models.position import Position
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import version_conflict

_LOOK_MAX: Final = 5000
"""Entries of an index that one script looks at: some milliseconds of the server's time."""

ZEROS: Final = "0" * 20
_HELD: Final = ord("1")

K = TypeVar("K")


@attrs.frozen(kw_only=True)
class Kind:
    """
    What tells one kind of records from another.

    Attributes:
        name: Of the kind, which the index of all of them and its other keys begin with.
        record: What the keys of documents begin with.
        skip: How many letters of a member stand before the record's id.
        one_content: A version has one content; otherwise a known record is a repeat.
        what: What messages call the record of an id.
        note: The key of the only note of a batch; unset: a note for each record.
        all: The key of the index of all of them, if it is not *name*.
    """

    name: str
    record: str
    skip: int = 0
    one_content: bool = True
    what: Callable[[str], str] = repr
    note: str = ""
    all: str = ""


class Row(NamedTuple):
    """A record as it is stored: its id, its header and its document."""

    id: str
    header: str
    document: bytes


def header(
    version: int, timestamp: int, tag: str, member: str, indexes: str, until: str = ZEROS
) -> str:
    """
    The header of a record.

    Args:
        version: Compared as a number.
        timestamp: In epoch milliseconds, for time windows.
        tag: The record's state, one word.
        member: What stands for it in the indexes, ordered by its bytes.
        indexes: The names of indexes in which it stands, each with a line end.
        until: When it is forgotten, padded.
    """
    return f"{version:020d} {timestamp:020d} {until} {tag}\n{member}\n{indexes}"


class Records:
    """
    The records of one kind at one place.

    Args:
        kind: Which.
        place: Opened while this is used.
        clock: The time now in epoch milliseconds.
        ttl_s: Seconds after which a record is forgotten; None: never.
        tombstone_s: Seconds for which a removed id refuses older versions.
        recent: Records kept, the last by their members; None: all.
    """

    def __init__(
        self,
        kind: Kind,
        place: RedisPlace,
        *,
        clock: Clock,
        ttl_s: float | None = None,
        tombstone_s: float = 86_400,
        recent: int | None = None,
    ) -> None:
        self._kind = kind
        self._place = place
        self._clock = clock
        self._ttl_ms = None if ttl_s is None else max(1, int(ttl_s * 1000))
        self._tombstone_ms = int(tombstone_s * 1000)
        # Neither a record nor a tombstone ends before its time because nobody writes any more.
        self._idle_ms: int | str = (
            "" if self._ttl_ms is None else 2 * max(self._ttl_ms, self._tombstone_ms)
        )
        self._recent = recent
        name, key = kind.name, place.key
        self._headers = key(f"{name}:headers")
        self._all = key(kind.all or name)
        self._due = key(f"{name}:due")
        self._sources = key(f"{name}:sources")
        self._readers = key(f"{name}:readers")
        self._prefixes = (key(""), key(kind.record), key(f"{name}:"))

    def until(self) -> str:
        """When a record that is written now is forgotten, padded; zeros for never."""
        return ZEROS if self._ttl_ms is None else padded(self._clock() + self._ttl_ms)

    async def save(self, rows: Sequence[Row], until: str = ZEROS) -> bytes:
        """
        Keep the newest version of each record.

        Returns:
            For each record `1` if what was sent is there now, as one text; see `held_of`.

        Raises:
            VersionConflict: One is known in its version with other content.

        Cost:
            One round trip.
        """
        answer = await self._save(rows, until, "", "") if rows else b""
        assert answer is not None, "without a source nothing is a duplicate"
        return answer

    async def apply(
        self, rows: Sequence[Row], until: str = ZEROS, *, source: str, position: Position
    ) -> Applied:
        """As `save`, and move *source* to *position* with them; see `Positioned.apply`."""
        if not source:
            raise InvalidQuery("a source needs a name")
        answer = await self._save(rows, until, source, _position_text(position))
        return Applied.DUPLICATE if answer is None else Applied.APPLIED

    async def _save(
        self, rows: Sequence[Row], until: str, source: str, position: str
    ) -> bytes | None:
        """What `save` answers, None if the source stands at the position or later."""
        kind = self._kind
        record = self._prefixes[1]
        keys = [self._headers, self._all, self._due, self._sources, self._readers]
        keys += [record + row.id for row in rows]
        args: list[str | bytes | int] = [
            *self._prefixes,
            padded(self._clock()),
            "" if self._ttl_ms is None else until,
            self._ttl_ms or "",
            self._recent or "",
            kind.skip,
            int(kind.one_content),
            kind.note,
            source,
            position,
            self._idle_ms,
        ]
        for row in rows:
            args += row
        answer = await self._place.client.run(SAVE, keys, args)
        match answer[0]:
            case b"conflict":
                row = rows[answer[1] - 1]
                raise version_conflict(kind.what(row.id), int(row.header[:20]))
            case b"duplicate":
                return None
            case b"kind":
                where = answer[1].decode()
                raise CorruptData("it is no ordered set; nothing was saved", where=where)
        held: bytes = answer[1]
        return held

    async def remove(self, versions: Sequence[tuple[str, int]]) -> int:
        """Leave a tombstone for each id through its version; how many were there and are gone."""
        now = self._clock()
        keys = [self._headers, self._all, self._due, self._readers]
        keys += [self._prefixes[1] + id for id, _ in versions]
        until = padded(now + self._tombstone_ms)
        args: list[str | int] = [*self._prefixes, padded(now), until, self._idle_ms]
        for id, version in versions:
            args += (id, padded(version), padded(version + 1))
        removed: int = await self._place.client.run(REMOVE, keys, args)
        return removed

    async def get(self, ids: Sequence[str]) -> list[bytes | None]:
        """The documents of these ids, None where there is none."""
        if not ids:
            return []
        keys = map(self.key, ids)
        found: list[bytes | None] = await self._place.client.call("MGET", *keys, writes=False)
        return found

    async def load(self, ids: Sequence[str]) -> list[tuple[int, bytes] | None]:
        """The versions and documents of these ids, as of one moment."""
        if not ids:
            return []
        keys = [self._headers, *map(self.key, ids)]
        headers, documents = await self._place.client.run(LOAD, keys, ids)
        return [
            None if head is None or document is None else (int(head[:20]), document)
            for head, document in zip(headers, documents, strict=True)
        ]

    async def find(
        self,
        count: int,
        *,
        indexes: Sequence[str] = (),
        begin: str = "-",
        end: str = "+",
        descending: bool = False,
        since_ms: int | None = None,
        before_ms: int | None = None,
        tags: str = "",
    ) -> list[tuple[str, bytes]]:
        """
        Up to *count* documents in the order of their members, each with its key.

        Args:
            count: At most.
            indexes: The record stands in all of these; the smallest of them is read.
            begin: Where to begin, as `ZRANGEBYLEX` takes it.
            end: Where to end.
            descending: From the last to the first; *begin* is then the higher one.
            since_ms: From this timestamp on.
            before_ms: Before this timestamp.
            tags: Of these states alone: `,one,other,`.

        Cost:
            One round trip for every 5000 entries of the smallest index that are looked at.
        """
        key = self._place.key
        keys = [self._headers, *(map(key, indexes) if indexes else (self._all,))]
        found: list[tuple[str, bytes]] = []
        while begin:
            ids, documents, resume = await self._place.client.run(
                FIND,
                keys,
                [
                    self._prefixes[1],
                    self._kind.skip,
                    "-" if descending else "+",
                    begin,
                    end,
                    count - len(found),
                    _LOOK_MAX,
                    ZEROS if since_ms is None else _bound(since_ms),
                    "" if before_ms is None else _bound(before_ms),
                    tags,
                    *(f"\n{index}\n" for index in indexes),
                ],
            )
            found += zip((self.key(id.decode()) for id in ids), documents, strict=True)
            if len(found) >= count:
                break
            begin = resume
        return found

    async def position(self, source: str) -> Position | None:
        """How far *source* was consumed, None if never."""
        told = await self._place.client.call("HGET", self._sources, source, writes=False)
        return None if told is None else Position(int(told[:20]), int(told[21:]))

    def key(self, id: str) -> str:
        """Where the document of that id is."""
        return self._prefixes[1] + id


def _position_text(position: Position) -> str:
    return f"{position.ms:020d}-{position.seq:020d}"


def _bound(time_ms: int) -> str:
    """A time as padded text; what lies before all times or behind them stays there."""
    return padded(min(max(time_ms, 0), 10**20 - 1))


def held_of(keys: Sequence[K], held: bytes) -> frozenset[K]:
    """Of the keys of a saved batch those that hold what was sent."""
    return frozenset(key for key, is_held in zip(keys, held, strict=True) if is_held == _HELD)
