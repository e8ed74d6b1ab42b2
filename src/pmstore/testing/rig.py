"""How the kit opens a store under test, and what its author declares of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs

from pmstore.protocols.store import ALL, Coverage, Store
from pmstore.testing.expect import expect_equal
from pmstore.testing.other_process import OtherProcess, opened_elsewhere

S_co = TypeVar("S_co", bound=Store, covariant=True)


class ManualClock:
    """A clock in epoch milliseconds that stands still until it is moved."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def move(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.now_ms += round(seconds * 1000)


@attrs.frozen(kw_only=True)
class Rig(Generic[S_co]):
    """
    How the kit opens stores of one kind, and what is declared of them.

    What is declared absent is asserted absent where that can be seen, and its clauses are
    shown as skipped; nothing else can be skipped.

    Attributes:
        open: Makes a store, not yet entered, from a *place*: an empty folder whose name is
            unique. Another place means other data (use the folder, or its name as a
            namespace); the same place again means the same data, if `durable`.
        durable: What was acknowledged is there when the same place is opened again.
        coverage: What the store says of itself; asserted.
        positioned: The store has the segment `apply` / `position`; asserted both ways.
        clock: The clock that the opened stores were given; it is moved by the kit. Without
            one the clauses about time to live are skipped.
        tombstone_s: Seconds after which tombstones are purged; needs `clock`.
        crash: Kills an opened store without letting it close, so that the place can be
            opened again. Without one the crash clauses are skipped.
        damage: Breaks the stored snapshot generation of that name at a place (closed).
            Without one the clauses about broken generations are skipped.
        shared: Several stores opened at one place at the same time, each a client of its own,
            are the same data for all of them, also for writing; asserted both ways.
        lag_s: Seconds after which one client sees at the latest what another's call did. A
            store that asks its server each time has none; a stack of caches has.
        elsewhere: How another process opens the store at a place: an importable factory,
            `module:name`, and the texts that it is called with, such as
            `("pmstore:open_order_store", f"sqlite:///{place}/orders.db")`. A child process
            of the kit then writes and reads at the same time (if `shared`), and is killed
            in the middle of writes (if `durable`).
        open_through: Opens the store at a place with its server at this host and port
            instead: those of a proxy, by which the kit loses, delays and cuts what is sent.
            Give the store short timeouts. Needs `server`.
        server: Host and port of the server that `open_through`'s stores talk to.
        gives_up_s: Seconds within which a call whose server does not answer must have ended
            with an error, and within which the store works again after its server does.
        examples: Runs of every random clause.
        shrinks: Whether a random history that breaks its law is made small before it is shown.
        deadline_s: Seconds after which a clause that did not end is broken; of random
            histories the shortest one found by then is shown, and none is begun after half
            of it.
    """

    open: Callable[[Path], S_co]
    durable: bool = False
    coverage: Coverage = ALL
    positioned: bool = False
    clock: ManualClock | None = None
    tombstone_s: float | None = None
    crash: Callable[[Any], Awaitable[None]] | None = None
    damage: Callable[[Path, str], None] | None = None
    shared: bool = False
    lag_s: float = 0.0
    elsewhere: Callable[[Path], tuple[str, ...]] | None = None
    open_through: Callable[[Path, str, int], S_co] | None = None
    server: tuple[str, int] | None = None
    gives_up_s: float = 10.0
    examples: int = 25
    shrinks: bool = True
    deadline_s: float = 100.0

    def declares(self, need: str) -> bool:
        """Whether what a clause needs is declared: one of these words, or several and'ed."""
        declared = {
            "durable": self.durable,
            "positioned": self.positioned,
            "clock": self.clock is not None,
            "tombstones": self.clock is not None and self.tombstone_s is not None,
            "crash": self.durable and self.crash is not None,
            "damage": self.damage is not None,
            "shared": self.shared,
            "elsewhere": self.elsewhere is not None,
            "proxied": self.open_through is not None and self.server is not None,
            "whole": self.coverage.is_all,
            "window": self.coverage.newest is not None,
        }
        return all(declared[word] for word in need.split(" and "))


class Trial(Generic[S_co]):
    """One clause on one rig: hands out empty places and opened stores."""

    def __init__(self, rig: Rig[S_co], folder: Path) -> None:
        self.rig = rig
        self._folder = folder
        self._count = 0

    def place(self) -> Path:
        """A new empty folder with a name of its own."""
        self._count += 1
        place = self.last_place
        place.mkdir(parents=True)
        return place

    @property
    def last_place(self) -> Path:
        """The place made last."""
        return self._folder / f"{self._folder.name}-{self._count}"

    @asynccontextmanager
    async def opened(self, place: Path | None = None) -> AsyncIterator[S_co]:
        """An opened store at *place*, at a new one without it."""
        async with self.rig.open(place or self.place()) as store:
            yield store

    @asynccontextmanager
    async def opened_elsewhere(self, place: Path) -> AsyncIterator[OtherProcess]:
        """Another process that has opened the store at *place*."""
        assert self.rig.elsewhere is not None, "such a clause runs on a rig that says how"
        async with opened_elsewhere(self.rig.elsewhere(place)) as other:
            yield other

    async def expect_seen(
        self, question: Callable[[], Awaitable[object]], wanted: object, what: str
    ) -> None:
        """Go on only if another client's work is seen: at once, or when the rig's lag is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.rig.lag_s
        while True:
            found = await question()
            if found == wanted or loop.time() >= until:
                break
            await asyncio.sleep(0.01)
        expect_equal(found, wanted, what)

    async def crashed(self, store: Store) -> None:
        """Kill an opened store."""
        assert self.rig.crash is not None, "a crash clause runs on a rig that can crash"
        await self.rig.crash(store)

    @property
    def clock(self) -> ManualClock:
        """The clock of the rig's stores."""
        assert self.rig.clock is not None, "a clause that needs the clock runs with one"
        return self.rig.clock
