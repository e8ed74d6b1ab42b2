"""Order stores with one bug each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import attrs
import pytest

from pmstore.backends.memory import MemoryOrderStore
from pmstore.errors import InvalidRecord, VersionConflict, WriterLocked
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.units import FEE_EXACT_MAX, INTEGER_MAX
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import ALL, Coverage
from pmstore.testing.clauses import order_store_clauses
from pmstore.testing.planted.bug import PlantedBug
from pmstore.testing.planted.order_finds import (
    ClosesItsWindows,
    FindsEverythingForNoIds,
    IgnoresTheSide,
    KeepsGhosts,
    LimitsBeforeItFilters,
    PagesByOffset,
    SaysNextAtTheEnd,
    ShowsTheLastAgain,
    SortsNumbersAsText,
)
from pmstore.testing.rig import ManualClock, Rig


class IgnoresVersions(MemoryOrderStore):
    """The order that comes last wins."""

    async def save(self, orders: Sequence[Order], /) -> None:
        known = await self.get([one.id for one in orders])
        later = {id: one.version + 1 for id, one in known.items()}
        await super().save(
            [attrs.evolve(one, version=max(one.version, later.get(one.id, 0))) for one in orders]
        )


class ComparesVersionsAsText(MemoryOrderStore):
    """Version 9 is newer than version 10."""

    async def save(self, orders: Sequence[Order], /) -> None:
        known = await self.get([one.id for one in orders])
        await super().save(
            [
                one
                for one in orders
                if one.id not in known or str(one.version) >= str(known[one.id].version)
            ]
        )


class NeverConflicts(MemoryOrderStore):
    """The same version with other content is swallowed."""

    async def save(self, orders: Sequence[Order], /) -> None:
        try:
            await super().save(orders)
        except VersionConflict:
            return


class AppliesUntilItFails(MemoryOrderStore):
    """A batch with a bad record is applied up to it."""

    async def save(self, orders: Sequence[Order], /) -> None:
        await super().save([])
        for one in orders:
            await super().save([one])


class SavesOneByOne(MemoryOrderStore):
    """A batch becomes visible order by order, and a cancellation cuts it."""

    async def save(self, orders: Sequence[Order], /) -> None:
        for at in range(len(orders)):
            await super().save(orders[at : at + 1])
            await asyncio.sleep(0)


class ForgetsTombstones(MemoryOrderStore):
    """A removed order comes back with a late save."""

    async def save(self, orders: Sequence[Order], /) -> None:
        for one in orders:
            self._tombstones.lift(one.id)
        await super().save(orders)


class BuriesOnlyTheKnown(MemoryOrderStore):
    """Removing an id never seen leaves no tombstone."""

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        known = await self.get([id for id, _ in versions])
        return await super().remove([pair for pair in versions if pair[0] in known])


class BuriesForever(MemoryOrderStore):
    """A removed id never lives again."""

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        removed = await super().remove(versions)
        await super().remove([(id, 2**63 - 1) for id, _ in versions])
        return removed


class NeverPurges(MemoryOrderStore):
    """Tombstones stay for good."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "tombstone_s": 10**9})


class RemovesWhateverVersion(MemoryOrderStore):
    """A remove takes a newer version too."""

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        known = await self.get([id for id, _ in versions])
        newest = [
            (id, max(version, known[id].version if id in known else 0)) for id, version in versions
        ]
        return await super().remove(newest)


class CountsWhatItWasAsked(MemoryOrderStore):
    """`remove` answers how many it was given."""

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        await super().remove(versions)
        return len(versions)


class SharesItsObjects(MemoryOrderStore):
    """What is answered is the stored object."""

    async def get(self, ids: Sequence[str], /) -> dict[str, Order]:
        await super().get(ids)
        return {id: self._orders[id] for id in ids if id in self._orders}


class KeepsNumbersAsDoubles(MemoryOrderStore):
    """Integers above 2^53 are rounded."""

    async def save(self, orders: Sequence[Order], /) -> None:
        await super().save([attrs.evolve(one, volume=int(float(one.volume))) for one in orders])


class RoundsExactFees(MemoryOrderStore):
    """Exact fees beyond 64 bits are kept as doubles."""

    async def save(self, orders: Sequence[Order], /) -> None:
        rounded = [
            attrs.evolve(one, fee_exact=int(float(one.fee_exact)))
            if INTEGER_MAX < one.fee_exact <= FEE_EXACT_MAX
            else one
            for one in orders
        ]
        await super().save(rounded)


class FoldsCase(MemoryOrderStore):
    """`A` and `a` are one id."""

    async def save(self, orders: Sequence[Order], /) -> None:
        await super().save([attrs.evolve(one, id=one.id.lower()) for one in orders])


class StripsIds(MemoryOrderStore):
    """Blanks at the ends of a user's id are lost."""

    async def save(self, orders: Sequence[Order], /) -> None:
        stripped = [attrs.evolve(one, user_id=one.user_id.strip() or one.user_id) for one in orders]
        await super().save(stripped)


class DropsAField(MemoryOrderStore):
    """A field that somebody added later is not stored."""

    async def save(self, orders: Sequence[Order], /) -> None:
        await super().save([attrs.evolve(one, group=None) for one in orders])


class TakesAnyId(MemoryOrderStore):
    """A malformed id is left out instead of refused."""

    async def save(self, orders: Sequence[Order], /) -> None:
        try:
            await super().save(orders)
        except InvalidRecord:
            return


class CutsBatches(MemoryOrderStore):
    """A batch beyond the limit is cut."""

    async def save(self, orders: Sequence[Order], /) -> None:
        await super().save(orders[: self.limits.batch_size_max])


class WorksWhenClosed(MemoryOrderStore):
    """A closed store answers as if it were empty."""

    async def get(self, ids: Sequence[str], /) -> dict[str, Order]:
        return await super().get(ids) if self._opened else {}


class SwallowsErrors(MemoryOrderStore):
    """Leaving swallows the caller's error."""

    async def __aexit__(self, *error: object) -> Any:
        await super().__aexit__(None, None, None)
        return True


class SkipsItself(MemoryOrderStore):
    """A store that switches the kit off."""

    async def save(self, orders: Sequence[Order], /) -> None:
        pytest.skip("no server today")


class OverstatesItsCoverage(MemoryOrderStore):
    """It says that it holds everything, and was declared not to."""

    @property
    def coverage(self) -> Coverage:
        return ALL


class MovesThePositionFirst(MemoryOrderStore):
    """A refused `apply` has moved the source."""

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        answer = await super().apply([], source=source, position=position)
        if answer is Applied.APPLIED:
            await self.save(changes)
        return answer


class AppliesTwice(MemoryOrderStore):
    """What was applied is applied again."""

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        if await super().apply(changes, source=source, position=position) is Applied.DUPLICATE:
            await self.save(changes)
        return Applied.APPLIED


clock: Final = ManualClock()


class LocksBeforeItIsOpen(MemoryOrderStore):
    """An opening that is cancelled keeps the lock which it took first."""

    held: ClassVar[set[Path]] = set()

    def __init__(self, place: Path) -> None:
        super().__init__()
        self.place = place

    async def __aenter__(self) -> Self:
        if self.place in self.held:
            raise WriterLocked(f"{self.place} is open elsewhere")
        self.held.add(self.place)
        await asyncio.sleep(0)
        return await super().__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        self.held.discard(self.place)
        await super().__aexit__(*error)


def _planted(
    store: type[MemoryOrderStore], caught_by: str, **declared: Any
) -> PlantedBug[OrderStore]:
    def open_at(place: object) -> OrderStore:
        return store(clock=clock, tombstone_s=60)

    options: dict[str, Any] = {
        "open": open_at,
        "positioned": True,
        "clock": clock,
        "tombstone_s": 60,
        "examples": 50,
        "shrinks": False,
        **declared,
    }
    return PlantedBug(order_store_clauses, store.__name__, Rig(**options), caught_by)


order_bugs: Final = (
    _planted(IgnoresVersions, "an-older-version-is-ignored"),
    _planted(ComparesVersionsAsText, "versions-are-compared-as-numbers"),
    _planted(NeverConflicts, "the-same-version-with-other-content-conflicts"),
    _planted(AppliesUntilItFails, "ids-that-are-none-are-refused"),
    _planted(SavesOneByOne, "readers-see-batches-whole"),
    _planted(SavesOneByOne, "a-cancelled-save-is-whole-or-nothing"),
    _planted(ForgetsTombstones, "a-tombstone-beats-late-saves"),
    _planted(ForgetsTombstones, "random-histories-equal-a-dictionary"),
    _planted(BuriesOnlyTheKnown, "a-tombstone-beats-an-id-never-seen"),
    _planted(BuriesForever, "a-higher-version-lives-after-a-remove"),
    _planted(NeverPurges, "tombstones-are-purged-in-time"),
    _planted(RemovesWhateverVersion, "a-remove-spares-a-newer-version"),
    _planted(CountsWhatItWasAsked, "a-removed-order-is-gone"),
    _planted(LimitsBeforeItFilters, "find-filters-before-it-limits"),
    _planted(ShowsTheLastAgain, "pages-show-everything-once"),
    _planted(PagesByOffset, "pages-bear-changes-meanwhile"),
    _planted(SaysNextAtTheEnd, "pages-show-everything-once"),
    _planted(ClosesItsWindows, "windows-are-half-open"),
    _planted(IgnoresTheSide, "every-filter-is-honoured"),
    _planted(FindsEverythingForNoIds, "every-filter-is-honoured"),
    _planted(SortsNumbersAsText, "find-goes-by-order-num-and-id"),
    _planted(KeepsGhosts, "an-order-moves-between-lists"),
    _planted(SharesItsObjects, "results-are-copies-or-frozen"),
    _planted(KeepsNumbersAsDoubles, "integers-come-out-as-they-went-in"),
    _planted(RoundsExactFees, "integers-come-out-as-they-went-in"),
    _planted(RoundsExactFees, "the-same-version-with-other-content-conflicts"),
    _planted(FoldsCase, "ids-come-out-as-they-went-in"),
    _planted(StripsIds, "ids-come-out-as-they-went-in"),
    _planted(DropsAField, "optional-fields-come-out-set-and-unset"),
    _planted(TakesAnyId, "ids-that-are-none-are-refused"),
    _planted(CutsBatches, "a-batch-beyond-the-limit-is-refused"),
    _planted(WorksWhenClosed, "closed-before-entering"),
    _planted(WorksWhenClosed, "leaving-twice-is-harmless"),
    _planted(
        LocksBeforeItIsOpen,
        "a-cancelled-opening-leaves-nothing-open",
        open=LocksBeforeItIsOpen,
        gives_up_s=0.1,
    ),
    _planted(SwallowsErrors, "an-error-inside-is-passed-on"),
    _planted(SkipsItself, "what-is-saved-can-be-got"),
    _planted(
        OverstatesItsCoverage,
        "coverage-and-limits-are-as-declared",
        coverage=Coverage(newest=0),
    ),
    _planted(MovesThePositionFirst, "a-refused-apply-does-nothing"),
    _planted(AppliesTwice, "what-was-applied-is-a-duplicate"),
    # Not bugs of the store: what the rig declares of it is not so.
    _planted(MemoryOrderStore, "changes-and-position-move-together", positioned=False),
    _planted(MemoryOrderStore, "orders-are-there-after-reopening", durable=True),
)
