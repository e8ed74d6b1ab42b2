"""Snapshots in RocksDB."""

from __future__ import annotations

import asyncio
import builtins
import hashlib
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from pmstore import BrokenSnapshotWarning, CorruptData, InvalidQuery, Snapshot, SnapshotInfo
from pmstore.codec import decode_snapshot, decode_snapshot_info, encode_snapshot
from pmstore_rocksdb.database import Database
from pmstore_rocksdb.draft import Draft
from pmstore_rocksdb.keys import NUMBER_BYTES, number
from pmstore_rocksdb.residence import Residence
from pmstore_rocksdb.view import Reading

_FAMILY: Final = "snapshots"
"""Number of a generation -> SHA-256 of its file; written last, so that it is whole or not there."""
_PIECES: Final = "snapshot_pieces"
"""Number of a generation and of a piece -> the piece of its file."""
_NEXT: Final = b"next"
"""The number of the next generation; never goes back."""
_NAME_DIGITS: Final = 20


class RocksSnapshotStore(Residence):
    """
    Keeps generations of snapshots in a RocksDB; a `SnapshotStore`.

    A generation is the JSON file of the codec in pieces, with the checksum inside. Large ones
    are written piece by piece and appear with the last.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, contract="snapshots")

    async def save(self, snapshot: Snapshot, /) -> SnapshotInfo:
        """
        Store a generation and verify it by reading it back; see `SnapshotStore.save`.

        Cost:
            It is written into the log and into a file of its own, and read once.
        """
        self.check_call()
        database = self.database
        generation = await database.write(_take_number)
        database.unfinished.add(generation)
        try:
            return await self._save(database, generation, snapshot)
        finally:
            database.unfinished.discard(generation)

    async def _save(
        self, database: Database, generation: bytes, snapshot: Snapshot
    ) -> SnapshotInfo:
        digest = hashlib.sha256()
        count = size = 0
        for piece in encode_snapshot(snapshot):
            # An empty piece is work done too: others run after it as well.
            await asyncio.sleep(0)
            if not piece:
                continue
            digest.update(piece)
            size += len(piece)
            key = generation + number(count)
            await database.write(partial(_put_piece, key=key, piece=piece))
            count += 1
        await database.flush(_PIECES)
        await database.read(lambda view: self._verify_written(view, generation, digest.digest()))
        await database.write(lambda draft: draft.put(_FAMILY, generation, digest.digest()))
        return SnapshotInfo.of(snapshot, name=_name(generation), size_bytes=size)

    async def load(self) -> Snapshot | None:
        """The newest valid generation, None if there never was one; see `SnapshotStore.load`."""
        self.check_call()
        snapshot, broken = await self.database.read(self._load)
        for problem in broken:
            warnings.warn(f"skipped a broken snapshot: {problem}", BrokenSnapshotWarning, 2)
        return snapshot

    async def get(self, name: str, /) -> Snapshot | None:
        """The generation of that name, None if there is none; see `SnapshotStore.get`."""
        self.check_call()

        def question(view: Reading) -> Snapshot | None:
            generation = _named(name)
            if generation is None or view.get(_FAMILY, generation) is None:
                return None
            return self._read(view, generation)

        return await self.database.read(question)

    async def list(self) -> builtins.list[SnapshotInfo]:
        """Every generation, oldest first, the broken ones with their `problem`."""
        self.check_call()
        return await self.database.read(
            lambda view: [self._describe(view, one) for one in _generations(view)]
        )

    async def prune(self, keep: int, /) -> int:
        """Remove all but the newest *keep* verified generations; see `SnapshotStore.prune`."""
        self.check_call()
        if keep < 1:
            raise InvalidQuery(f"keep is {keep}; at least one generation stays")
        unfinished = self.database.unfinished
        return await self.database.write(lambda draft: self._prune(draft, keep, unfinished))

    def _prune(self, draft: Draft, keep: int, unfinished: set[bytes]) -> int:
        view = draft.view
        kept, surplus = 0, []
        whole = _generations(view)
        for generation in reversed(whole):
            if kept >= keep:
                surplus.append(generation)
            elif self._describe(view, generation).problem is None:
                kept += 1
        # Pieces of a save that was cancelled or crashed belong to no generation.
        kept_or_coming = {*whole, *unfinished}.difference(surplus)
        for generation in surplus:
            draft.delete(_FAMILY, generation)
        for key in view.ascending(_PIECES, b""):
            if key != _NEXT and key[:NUMBER_BYTES] not in kept_or_coming:
                draft.delete(_PIECES, key)
        return len(surplus)

    def _load(self, view: Reading) -> tuple[Snapshot | None, builtins.list[str]]:
        broken: list[str] = []
        for generation in reversed(_generations(view)):
            try:
                return self._read(view, generation), broken
            except CorruptData as error:
                broken.append(str(error))
        if broken:
            raise CorruptData("no generation is valid: " + "; ".join(broken), where=str(self._path))
        return None, broken

    def _read(self, view: Reading, generation: bytes) -> Snapshot:
        return decode_snapshot(b"".join(_pieces(view, generation)), self._where(generation))

    def _describe(self, view: Reading, generation: bytes) -> SnapshotInfo:
        name = _name(generation)
        payload = b"".join(_pieces(view, generation))
        try:
            return decode_snapshot_info(payload, name, self._where(generation))
        except CorruptData as error:
            return SnapshotInfo(
                name=name,
                timestamp=0,
                number=0,
                hash="",
                last_message_id=None,
                input_position=None,
                size_bytes=len(payload),
                problem=str(error),
            )

    def _verify_written(self, view: Reading, generation: bytes, wanted: bytes) -> None:
        digest = hashlib.sha256()
        for piece in _pieces(view, generation):
            digest.update(piece)
        if digest.digest() != wanted:
            raise CorruptData(
                "what was read back is not what was written", where=self._where(generation)
            )

    def _where(self, generation: bytes) -> str:
        return f"{self._path}: snapshot {_name(generation)}"


def _take_number(draft: Draft) -> bytes:
    """A number that no generation had or will have."""
    known = draft.get(_PIECES, _NEXT)
    taken = 1 if known is None else int.from_bytes(known, "big")
    draft.put(_PIECES, _NEXT, number(taken + 1))
    return number(taken)


def _put_piece(draft: Draft, *, key: bytes, piece: bytes) -> None:
    draft.put(_PIECES, key, piece)


def _name(generation: bytes) -> str:
    return f"{int.from_bytes(generation, 'big'):0{_NAME_DIGITS}d}"


def _named(name: str) -> bytes | None:
    digits = name.isascii() and name.isdigit() and len(name) == _NAME_DIGITS
    return number(int(name)) if digits and int(name) < 2**64 else None


def _generations(view: Reading) -> builtins.list[bytes]:
    """Oldest first."""
    return list(view.ascending(_FAMILY, b""))


def _pieces(view: Reading, generation: bytes) -> Iterator[bytes]:
    for at in view.ascending(_PIECES, generation):
        piece = view.get(_PIECES, generation + at)
        if piece is not None:
            yield piece
