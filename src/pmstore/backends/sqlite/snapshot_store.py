"""Snapshots in a database file."""

from __future__ import annotations

import asyncio
import builtins
import hashlib
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs

from pmstore.backends.sqlite.opened_store import SqliteStore
from pmstore.codec import decode_snapshot, decode_snapshot_info, encode_snapshot
from pmstore.errors import BrokenSnapshotWarning, CorruptData, InvalidQuery
from pmstore.models.snapshot import Snapshot, SnapshotInfo

_PART_BYTES: Final = 1 << 20
_GENERATIONS: Final = "SELECT generation FROM snapshots ORDER BY generation"


@attrs.frozen
class _Document:
    """What is stored of a generation, and why it is not what was written."""

    payload: bytes
    problem: str | None


class SqliteSnapshotStore(SqliteStore):
    """
    Keeps generations of snapshots in a database file; a `SnapshotStore`.

    A generation is the document of `codec.encode_snapshot` in pieces of a megabyte, with
    its SHA-256. Its name is its number, which is never used again.

    Args:
        path: The file; see `SqliteStore`.
        busy_timeout_s: Seconds for which a write waits for one of another process.
    """

    def __init__(self, path: str | Path, *, busy_timeout_s: float = 5.0) -> None:
        super().__init__(path, busy_timeout_s=busy_timeout_s)
        self._verified: dict[str, tuple[bytes, SnapshotInfo]] = {}

    async def save(self, snapshot: Snapshot, /) -> SnapshotInfo:
        """
        Store a generation and verify it by reading it back; see `SnapshotStore.save`.

        It is encoded piece by piece, and others run between the pieces.

        Cost:
            Writes of other stores on the file wait while its pieces are written.
        """
        self.check_call()
        parts: list[bytes] = []
        waiting, digest, size = bytearray(), hashlib.sha256(), 0
        for piece in encode_snapshot(snapshot):
            waiting += piece
            digest.update(piece)
            size += len(piece)
            if len(waiting) >= _PART_BYTES:
                parts.append(bytes(waiting))
                waiting.clear()
            await asyncio.sleep(0)
        parts.append(bytes(waiting))
        self.check_call()
        sha256 = digest.hexdigest()

        def write(connection: sqlite3.Connection) -> int:
            cursor = connection.execute(
                "INSERT INTO snapshots (size_bytes, sha256) VALUES (?, ?)", (size, sha256)
            )
            generation = cursor.lastrowid
            assert generation is not None, "a row that was inserted has a number"
            connection.executemany(
                "INSERT INTO snapshot_parts (generation, part, content) VALUES (?, ?, ?)",
                [(generation, number, part) for number, part in enumerate(parts)],
            )
            return generation

        generation = await self.database.write(write)
        found = await self._document(generation)
        name = _name(generation)
        # None: pruned by another since, which verified it then.
        if found is not None and found.problem is not None:
            raise CorruptData(found.problem, where=self._place(name))
        info = SnapshotInfo.of(snapshot, name=name, size_bytes=size)
        self._verified[name] = (digest.digest(), info)
        return info

    async def load(self) -> Snapshot | None:
        """The newest valid generation, None if there never was one; see `SnapshotStore.load`."""
        self.check_call()
        broken: list[str] = []
        found: Snapshot | None = None
        for generation in reversed(await self._generations()):
            try:
                found = await self._get(generation)
            except CorruptData as error:
                broken.append(str(error))
                continue
            if found is not None:
                break
        if found is None and broken:
            raise CorruptData(
                "no generation is valid: " + "; ".join(broken), where=self.database.where
            )
        for problem in broken:
            warnings.warn(f"skipped a broken snapshot: {problem}", BrokenSnapshotWarning, 2)
        return found

    async def get(self, name: str, /) -> Snapshot | None:
        """The generation of that name, None if there is none; see `SnapshotStore.get`."""
        self.check_call()
        generation = int(name) if name.isascii() and name.isdigit() and len(name) < 19 else 0
        return await self._get(generation) if name == _name(generation) else None

    async def list(self) -> builtins.list[SnapshotInfo]:
        """
        Every generation, oldest first, the broken ones with their `problem`.

        Cost:
            All of them are read; each is decoded again only if it changed.
        """
        self.check_call()
        infos = [await self._info(generation) for generation in await self._generations()]
        return [info for info in infos if info is not None]

    async def prune(self, keep: int, /) -> int:
        """Remove all but the newest *keep* verified generations; see `SnapshotStore.prune`."""
        self.check_call()
        if keep < 1:
            raise InvalidQuery(f"keep is {keep}; at least one generation stays")
        kept, surplus = 0, []
        for generation in reversed(await self._generations()):
            if kept >= keep:
                surplus.append((generation,))
                continue
            info = await self._info(generation)
            kept += info is not None and info.problem is None

        def write(connection: sqlite3.Connection) -> int:
            connection.executemany("DELETE FROM snapshot_parts WHERE generation = ?", surplus)
            cursor = connection.executemany("DELETE FROM snapshots WHERE generation = ?", surplus)
            return cursor.rowcount

        if not surplus:
            return 0
        removed = await self.database.write(write)
        for (generation,) in surplus:
            self._verified.pop(_name(generation), None)
        return removed

    async def _generations(self) -> Sequence[int]:
        rows = await self.database.read(
            lambda connection: connection.execute(_GENERATIONS).fetchall()
        )
        return [row[0] for row in rows]

    async def _get(self, generation: int) -> Snapshot | None:
        where = self._place(_name(generation))

        def read(connection: sqlite3.Connection) -> Snapshot | None:
            document = _read(connection, generation)
            if document is None:
                return None
            if document.problem is not None:
                raise CorruptData(document.problem, where=where)
            return decode_snapshot(document.payload, where)

        return await self.database.read(read)

    async def _info(self, generation: int) -> SnapshotInfo | None:
        name = _name(generation)
        where = self._place(name)

        def read(connection: sqlite3.Connection) -> SnapshotInfo | None:
            document = _read(connection, generation)
            if document is None:
                return None
            problem = document.problem
            digest = hashlib.sha256(document.payload).digest()
            known = self._verified.get(name)
            if known is not None and known[0] == digest and problem is None:
                return known[1]
            if problem is None:
                try:
                    info = decode_snapshot_info(document.payload, name, where)
                except CorruptData as error:
                    problem = str(error)
                else:
                    self._verified[name] = (digest, info)
                    return info
            return SnapshotInfo(
                name=name,
                timestamp=0,
                number=0,
                hash="",
                last_message_id=None,
                input_position=None,
                size_bytes=len(document.payload),
                problem=problem,
            )

        return await self.database.read(read)

    async def _document(self, generation: int) -> _Document | None:
        return await self.database.read(lambda connection: _read(connection, generation))

    def _place(self, name: str) -> str:
        return f"{self.database.where}: snapshot {name}"


def _name(generation: int) -> str:
    return f"{generation:08d}"


def _read(connection: sqlite3.Connection, generation: int) -> _Document | None:
    """The document of a generation, compared with its digest; None if there is none."""
    # One statement, so that a generation is seen whole or not at all beside a prune.
    rows: Iterator[tuple[str, int, bytes | None]] = connection.execute(
        "SELECT sha256, size_bytes, content FROM snapshots LEFT JOIN snapshot_parts "
        "USING (generation) WHERE generation = ? ORDER BY part",
        (generation,),
    )
    stored = list(rows)
    if not stored:
        return None
    payload = b"".join(content for _, _, content in stored if content is not None)
    sha256, size, _ = stored[0]
    if len(payload) != size or hashlib.sha256(payload).hexdigest() != sha256:
        return _Document(payload, "what is stored is not what was written")
    return _Document(payload, None)
