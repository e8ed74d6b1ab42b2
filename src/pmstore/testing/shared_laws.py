"""Laws of a store that several clients use at once, the same for every contract of records."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TypeVar

from pmstore.errors import PmstoreError, VersionConflict
from pmstore.protocols.store import Store
from pmstore.testing.cancellation import all_answers, meanwhile
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal
from pmstore.testing.rig import Trial
from pmstore.testing.subjects import Subject
from pmstore.testing.two_clients import TwoClients

S = TypeVar("S", bound=Store)

_BATCH = 6


def shared_laws(subject: Subject[S]) -> Lawbook[S]:
    """The laws, checked on the records of *subject*."""
    book: Lawbook[S] = Lawbook(subject.contract)
    two = TwoClients(book)

    async def is_not_shared(trial: Trial[S]) -> None:
        place = trial.place()
        one, other = trial.rig.open(place), trial.rig.open(place)
        if one is other:
            # No second client, but the same one under another name.
            return
        try:
            async with one, other:
                writes = (subject.write((one, other)[at % 2], [at]) for at in range(10))
                await all_answers(writes)
                seen = await subject.held(one), await subject.held(other)
        except PmstoreError:
            # The place belongs to whoever came first: nothing is shared.
            return
        everything = list(range(10))
        expect(seen != (everything, everything), "two clients wrote at once, both see it all")

    @two.law(otherwise=is_not_shared)
    async def another_client_sees_what_was_acknowledged(trial: Trial[S], one: S, other: S) -> None:
        """What was acknowledged to one client, another client sees, and the other way round."""
        for number in range(0, 10, 2):
            await subject.write(one, [number])
            wanted = list(range(number + 1))
            await trial.expect_seen(lambda: subject.held(other), wanted, "seen by the other")
            await subject.write(other, [number + 1])
            wanted = list(range(number + 2))
            await trial.expect_seen(lambda: subject.held(one), wanted, "seen by the one")

    @two.law()
    async def nothing_is_lost_beside_another_client(trial: Trial[S], one: S, other: S) -> None:
        """What two clients write at the same time is all kept: another client takes nothing."""
        size = min(4, subject.batch_max)
        batches = [list(range(at, at + size)) for at in range(0, 20 * size, size)]
        await all_answers(
            subject.write(other if at % 2 else one, batch) for at, batch in enumerate(batches)
        )
        wanted = list(range(20 * size))
        await trial.expect_seen(lambda: subject.held(one), wanted, "held by the one")
        await trial.expect_seen(lambda: subject.held(other), wanted, "held by the other")

    @two.law()
    async def a_client_outlives_another_client(trial: Trial[S], one: S, other: S) -> None:
        """A client that comes and goes takes nothing away from another client."""
        place = trial.last_place
        await subject.write(other, [1])
        async with trial.opened(place) as brief:
            await subject.write(brief, [2])
        await subject.write(other, [3])
        await trial.expect_seen(lambda: subject.held(other), [1, 2, 3], "held by who stayed")

    if subject.batch_max >= _BATCH:
        _whole_batches(subject, two)
    if subject.save is not None:
        _versions(subject, two)
    return book


def _whole_batches(subject: Subject[S], two: TwoClients[S]) -> None:
    @two.law()
    async def batches_of_another_client_are_seen_whole(trial: Trial[S], one: S, other: S) -> None:
        """A batch that another client writes is seen whole or not at all."""
        numbers = range(15 * _BATCH)

        async def write() -> None:
            for at in numbers[::_BATCH]:
                await subject.write(other, list(range(at, at + _BATCH)))

        async with meanwhile(write()) as writing:
            while not writing.done():
                counts = Counter(number // _BATCH for number in await subject.held(one))
                expect(set(counts.values()) <= {_BATCH}, f"records seen of each batch: {counts}")
                await asyncio.sleep(0)
            await writing
        await trial.expect_seen(lambda: subject.held(one), list(numbers), "held")


def _versions(subject: Subject[S], two: TwoClients[S]) -> None:
    save, marks = subject.save, subject.marks
    assert save is not None
    assert marks is not None
    ids = range(_BATCH)

    @two.law()
    async def versions_of_another_client_are_seen_whole(trial: Trial[S], one: S, other: S) -> None:
        """New versions that another client saves in one batch are seen together."""

        async def write() -> None:
            for version in range(1, 16):
                await save(other, [(id, version) for id in ids], version)

        async with meanwhile(write()) as writing:
            while not writing.done():
                found = await marks(one)
                expect(len(found) in (0, _BATCH), f"{len(found)} records of a batch of {_BATCH}")
                expect(len(set(found.values())) <= 1, f"versions of one batch: {found}")
                await asyncio.sleep(0)
            await writing
        wanted = dict.fromkeys(ids, (15, 15))
        await trial.expect_seen(lambda: marks(one), wanted, "versions in the end")

    @two.law()
    async def the_newest_version_stays_beside_another_client(
        trial: Trial[S], one: S, other: S
    ) -> None:
        """Versions saved by one client and another client in any order: the newest stays."""
        for turn in range(4):
            versions = [10 * turn + version for version in (7, 2, 9, 4, 1, 8, 3, 10, 6, 5)]
            await all_answers(
                save(other if version % 2 else one, [(id, version) for id in ids], version)
                for version in versions
            )
            newest = 10 * turn + 10
            wanted = dict.fromkeys(ids, (newest, newest))
            await trial.expect_seen(lambda: marks(one), wanted, "seen by the one")
            await trial.expect_seen(lambda: marks(other), wanted, "seen by the other")

    @two.law()
    async def of_one_version_by_another_client_one_content_wins(
        trial: Trial[S], one: S, other: S
    ) -> None:
        """
        Of two contents for one version, one saved by another client, one is kept, whole; the
        other is a `VersionConflict`.
        """
        for version in range(1, 9):
            pairs = [(id, version) for id in ids]
            answers = await asyncio.gather(
                save(one, pairs, 1), save(other, pairs, 2), return_exceptions=True
            )
            lost = [isinstance(answer, VersionConflict) for answer in answers]
            expect_equal(sorted(lost), [False, True], f"conflicts of {answers}")
            expect(None in answers, f"nobody won: {answers}")
            won = (version, 2 if lost[0] else 1)
            wanted = dict.fromkeys(ids, won)
            await trial.expect_seen(lambda: marks(one), wanted, "seen by the one")
            await trial.expect_seen(lambda: marks(other), wanted, "seen by the other")
