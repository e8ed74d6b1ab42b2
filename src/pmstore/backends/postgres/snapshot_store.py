"""Generations of snapshots in PostgreSQL."""

from __future__ import annotations

import asyncio
import builtins
import hashlib
import warnings
from collections.abc import Iterable, Iterator
from typing import Final, LiteralString

import attrs

from pmstore.backends.postgres.arrays import bigints
from pmstore.backends.postgres.client import PostgresClient
from pmstore.backends.postgres.config import PostgresConfig
from pmstore.backends.postgres.store import PostgresStore
from pmstore.codec import decode_snapshot, decode_snapshot_info, encode_snapshot
from pmstore.errors import BrokenSnapshotWarning, CorruptData, InvalidQuery
from pmstore.models.snapshot import Snapshot, SnapshotInfo

_PART_BYTES: Final = 1 << 20
_WHOLE_BYTES_MAX: Final = 1 << 29
"""The server puts no more together than a gigabyte; what is longer is hashed part by part."""
_BY_PARTS: Final = "parts:"
"""Begins the hash of a generation that is one of the hashes of its parts."""
_DIGITS: Final = 8

_PART: Final[LiteralString] = (
    "INSERT INTO snapshot_parts (generation, part, content) VALUES (%s, %s, %b)"
)
_HASHED: Final[LiteralString] = (
    "SELECT generation, size_bytes, sha256, coalesce(CASE WHEN starts_with(sha256, 'parts:') THEN "
    "'parts:' || (SELECT encode(sha256(string_agg(sha256(content), ''::bytea ORDER BY part)), "
    "'hex') FROM snapshot_parts WHERE snapshot_parts.generation = snapshots.generation) ELSE "
    "(SELECT encode(sha256(string_agg(content, ''::bytea ORDER BY part)), 'hex') "
    "FROM snapshot_parts WHERE snapshot_parts.generation = snapshots.generation) END, '') "
    "FROM snapshots "
)
"""Of each generation how long it should be, its hash as it should be and as it is."""
_CONTENT: Final[LiteralString] = (
    "SELECT content FROM snapshot_parts WHERE generation = %s ORDER BY part"
)


@attrs.frozen
class _Stored:
    generation: int
    size_bytes: int
    sha256: str
    sha256_now: str

    @property
    def name(self) -> str:
        return f"{self.generation:0{_DIGITS}d}"

    @property
    def where(self) -> str:
        return f"snapshots, generation {self.generation}"

    @property
    def whole(self) -> bool:
        return self.sha256 == self.sha256_now


class PostgresSnapshotStore(PostgresStore):
    """
    A `SnapshotStore` in the tables `snapshots` and `snapshot_parts`.

    A generation is written in parts of a mebibyte and read back in one transaction, so that
    it is there whole and verified, or not at all. It carries a SHA-256 of its own: of its
    bytes, or when they are more than *whole_bytes_max* of the hashes of its parts. So it can
    be longer than the gigabyte that the server puts together at most.
    """

    def __init__(
        self,
        server: PostgresConfig | PostgresClient,
        *,
        whole_bytes_max: int = _WHOLE_BYTES_MAX,
    ) -> None:
        super().__init__(server)
        self._whole_bytes_max = whole_bytes_max
        self._known: dict[str, SnapshotInfo] = {}
        """By hash: what is found unchanged need not be read again to be described."""

    async def save(self, snapshot: Snapshot, /) -> SnapshotInfo:
        """
        Store a generation and verify it by reading it back; see `SnapshotStore.save`.

        It is encoded piece by piece, and others run between the pieces.

        Cost:
            A round trip for each mebibyte, and five.
        """
        self.check_call()
        digest, size = _Digest(self._whole_bytes_max), 0
        async with self._client.transaction() as transaction:
            rows = await transaction.run(
                "SELECT nextval(pg_get_serial_sequence('snapshots', 'generation'))"
            )
            generation: int = rows[0][0]
            for number, part in enumerate(_parts(encode_snapshot(snapshot))):
                digest.update(part)
                size += len(part)
                await transaction.run(_PART, [generation, number, part])
                await asyncio.sleep(0)
            await transaction.run(
                "INSERT INTO snapshots (generation, size_bytes, sha256) VALUES (%s, %s, %s)",
                [generation, size, digest.text()],
            )
            rows = await transaction.run(_HASHED + "WHERE generation = %s", [generation])
            stored = _Stored(*rows[0])
            if not stored.whole:
                raise CorruptData("what was read back is not what was written", where=stored.where)
        info = SnapshotInfo.of(snapshot, name=stored.name, size_bytes=size)
        self._known[stored.sha256] = info
        return _copy(info, stored)

    async def load(self) -> Snapshot | None:
        """The newest valid generation, None if there never was one; see `SnapshotStore.load`."""
        self.check_call()
        broken: list[str] = []
        for (generation,) in await self._client.read(
            "SELECT generation FROM snapshots ORDER BY generation DESC"
        ):
            try:
                snapshot = await self._read(generation)
            except CorruptData as error:
                broken.append(str(error))
                continue
            # None: it was pruned meanwhile, by another process.
            if snapshot is not None:
                for problem in broken:
                    warnings.warn(f"skipped a broken snapshot: {problem}", BrokenSnapshotWarning, 2)
                return snapshot
        if broken:
            raise CorruptData(
                "no generation is valid: " + "; ".join(broken), where=self._client.config.place
            )
        return None

    async def get(self, name: str, /) -> Snapshot | None:
        """The generation of that name, None if there is none; see `SnapshotStore.get`."""
        self.check_call()
        named = name.isascii() and name.isdigit() and name == f"{int(name):0{_DIGITS}d}"
        # Asked for in any case: whether the server is there is no question of the name.
        return await self._read(int(name) if named else -1)

    async def list(self) -> builtins.list[SnapshotInfo]:
        """
        Every generation, oldest first, the broken ones with their `problem`.

        Cost:
            The server hashes all of them; those that this store has not seen yet are read.
        """
        self.check_call()
        rows = await self._client.read(_HASHED + "ORDER BY generation")
        return [await self._described(_Stored(*row)) for row in rows]

    async def prune(self, keep: int, /) -> int:
        """Remove all but the newest *keep* verified generations; see `SnapshotStore.prune`."""
        self.check_call()
        if keep < 1:
            raise InvalidQuery(f"keep is {keep}; at least one generation stays")
        rows = await self._client.read(_HASHED + "ORDER BY generation DESC")
        kept, surplus = 0, []
        for stored in (_Stored(*row) for row in rows):
            if kept >= keep:
                surplus.append(stored.generation)
            elif (await self._described(stored)).problem is None:
                kept += 1
        if not surplus:
            return 0
        removed = await self._client.write(
            "WITH gone AS (DELETE FROM snapshots WHERE generation = ANY(%s) RETURNING generation), "
            "parts AS (DELETE FROM snapshot_parts USING gone "
            "WHERE snapshot_parts.generation = gone.generation) SELECT count(*) FROM gone",
            [bigints(surplus)],
        )
        count: int = removed[0][0]
        return count

    async def _read(self, generation: int) -> Snapshot | None:
        rows = await self._client.read(_HASHED + "WHERE generation = %s", [generation])
        if not rows:
            return None
        stored = _Stored(*rows[0])
        content = await self._content(stored)
        return await asyncio.to_thread(decode_snapshot, content, stored.where)

    async def _described(self, stored: _Stored) -> SnapshotInfo:
        known = self._known.get(stored.sha256) if stored.whole else None
        try:
            if known is None:
                content = await self._content(stored)
                known = await asyncio.to_thread(
                    decode_snapshot_info, content, stored.name, stored.where
                )
                self._known[stored.sha256] = known
        except CorruptData as error:
            return SnapshotInfo(
                name=stored.name,
                timestamp=0,
                number=0,
                hash="",
                last_message_id=None,
                input_position=None,
                size_bytes=stored.size_bytes,
                problem=str(error),
            )
        return _copy(known, stored)

    async def _content(self, stored: _Stored) -> bytes:
        if not stored.whole:
            raise CorruptData("its SHA-256 is another than was written", where=stored.where)
        parts = [row[0] for row in await self._client.read(_CONTENT, [stored.generation])]
        by_parts = stored.sha256.startswith(_BY_PARTS)
        digest = _Digest(0 if by_parts else stored.size_bytes)
        await asyncio.to_thread(digest.update_all, parts)
        if digest.text() != stored.sha256:
            raise CorruptData("it was changed or removed while it was read", where=stored.where)
        return b"".join(parts)


class _Digest:
    """The hash that a generation carries: of its bytes while they are few, else of its parts'."""

    def __init__(self, whole_bytes_max: int) -> None:
        self._left = whole_bytes_max
        self._whole, self._of_parts = hashlib.sha256(), hashlib.sha256()

    def update(self, part: bytes) -> None:
        self._of_parts.update(hashlib.sha256(part).digest())
        self._left -= len(part)
        if self._left >= 0:
            self._whole.update(part)

    def update_all(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            self.update(part)

    def text(self) -> str:
        if self._left >= 0:
            return self._whole.hexdigest()
        return f"{_BY_PARTS}{self._of_parts.hexdigest()}"


def _parts(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of about a mebibyte."""
    part = bytearray()
    for piece in pieces:
        part += piece
        if len(part) >= _PART_BYTES:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)


def _copy(info: SnapshotInfo, stored: _Stored) -> SnapshotInfo:
    positions = info.input_position
    return attrs.evolve(
        info, name=stored.name, input_position=None if positions is None else dict(positions)
    )
