"""Compares the records of two stores one by one, and their digests."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any, Final

import attrs

from pmstore.cli.copying import Advance, snapshot_digests
from pmstore.cli.records import Records
from pmstore.protocols import SnapshotStore

EXAMPLES_MAX: Final = 20


@attrs.define(kw_only=True)
class Comparison:
    """
    What a comparison found.

    The digests are SHA-256 over the canonical JSON of all records in the order of `find`,
    so they do not depend on the backend, and are equal if and only if all records are.

    Attributes:
        contract: What was compared.
        copied: Records on the side that was copied from.
        source_digest, target_digest: In hex.
        missing, foreign, different: How many are only on the first side, only on the
            second, and on both with other content.
        examples: Some of these, in words.
    """

    contract: str
    copied: int = 0
    source_digest: str = ""
    target_digest: str = ""
    missing: int = 0
    foreign: int = 0
    different: int = 0
    examples: list[str] = attrs.Factory(list)

    @property
    def same(self) -> bool:
        """Whether both sides hold the same."""
        return self.source_digest == self.target_digest

    def note(self, text: str) -> None:
        """Keep *text* as an example, if there are not too many."""
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(text)


async def compare_records(
    records: Records, source: Any, target: Any, advance: Advance
) -> Comparison:
    """
    Walk through both stores side by side.

    Cost:
        One pass over each side, a page of both in memory.
    """
    found = Comparison(contract=records.contract.value)
    left, right = _Side(records, source), _Side(records, target)
    await left.step()
    await right.step()
    while left.key is not None or right.key is not None:
        if right.key is None or (left.key is not None and left.key < right.key):
            found.missing += 1
            found.note(f"{left.name} is missing in the copy")
            await left.step()
        elif left.key is None or right.key < left.key:
            found.foreign += 1
            found.note(f"{right.name} is only in the copy")
            await right.step()
        else:
            if left.text != right.text:
                found.different += 1
                found.note(f"{left.name} differs")
            await left.step()
            await right.step()
        advance(1)
    found.copied = left.count
    found.source_digest, found.target_digest = left.digest(), right.digest()
    return found


class _Side:
    """One of the two stores, at one of its records."""

    def __init__(self, records: Records, store: Any) -> None:
        self._records = records
        self._iterator: AsyncIterator[Any] = records.all(store)
        self._hash = hashlib.sha256()
        self.count = 0
        self.key: tuple[Any, ...] | None = None
        self.text = b""
        self.name = ""

    async def step(self) -> None:
        """Go to the next record; `key` is None behind the last."""
        record = await anext(self._iterator, None)
        if record is None:
            self.key = None
            return
        self.count += 1
        self.key = self._records.key(record)
        self.text = self._records.encode(record)
        self.name = self._records.name(record)
        self._hash.update(b"%d:" % len(self.text) + self.text)

    def digest(self) -> str:
        return self._hash.hexdigest()


async def compare_snapshots(source: SnapshotStore, target: SnapshotStore) -> Comparison:
    """Compare the valid generations of two stores by what they hold, oldest first."""
    found = Comparison(contract="snapshots")
    ours, theirs = await snapshot_digests(source), await snapshot_digests(target)
    for one in await source.list():
        if one.problem is not None:
            found.note(f"{one.name} is broken and was not copied: {one.problem}")
    for digest, name in ours.items():
        if digest not in theirs:
            found.missing += 1
            found.note(f"{name} is missing in the copy")
    for digest, name in theirs.items():
        if digest not in ours:
            found.foreign += 1
            found.note(f"{name} is only in the copy")
    found.copied = len(ours)
    found.source_digest = hashlib.sha256("".join(ours).encode()).hexdigest()
    found.target_digest = hashlib.sha256("".join(theirs).encode()).hexdigest()
    return found
