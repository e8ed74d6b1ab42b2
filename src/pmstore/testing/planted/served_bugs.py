"""Stores that speak to the order server with one bug each, and the clauses that catch them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.query import OrderQuery, Page
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.positioned import Applied
from pmstore.testing.planted.served import Connection, OrderServer, ServedOrderStore
from pmstore.testing.rig import Rig

_THINKING_S: Final = 0.02


class KeepsConnectionsOfTheCancelled(ServedOrderStore):
    """The connection of a cancelled call is used again, with an answer on its way."""

    def _cancelled(self, connection: Connection) -> None:
        self._idle.append(connection)


class IsEmptyInAnOutage(ServedOrderStore):
    """An outage looks like absence."""

    async def get(self, ids: Sequence[str], /) -> dict[str, Order]:
        try:
            return await super().get(ids)
        except StoreUnavailable:
            return {}


class WaitsForEver(ServedOrderStore):
    """A server that is silent is waited for."""

    timeout_s = None


class ClaimsNotApplied(ServedOrderStore):
    """What was not answered is said not to have happened."""

    async def _call(self, verb: str, *positional: Any, **named: Any) -> Any:
        try:
            return await super()._call(verb, *positional, **named)
        except StoreUnavailable as error:
            error.outcome = WriteOutcome.NOT_APPLIED
            raise


class ClaimsApplied(ServedOrderStore):
    """A write that nobody confirmed is said to have happened."""

    async def save(self, orders: Sequence[Order], /) -> None:
        try:
            await super().save(orders)
        except StoreUnavailable as error:
            error.outcome = WriteOutcome.APPLIED
            raise


class PassesItsDriversErrors(ServedOrderStore):
    """What went wrong below comes up as it was."""

    async def _call(self, verb: str, *positional: Any, **named: Any) -> Any:
        try:
            return await super()._call(verb, *positional, **named)
        except StoreUnavailable as error:
            raise error.__cause__ or error from None


class NeverConnectsAgain(ServedOrderStore):
    """Once its server was away it stays broken."""

    async def _call(self, verb: str, *positional: Any, **named: Any) -> Any:
        try:
            return await super()._call(verb, *positional, **named)
        except StoreUnavailable:
            self._dead = True
            raise


class SendsOneByOne(ServedOrderStore):
    """A batch is a request for each order."""

    async def save(self, orders: Sequence[Order], /) -> None:
        await super().save(())
        for at in range(len(orders)):
            await super().save(orders[at : at + 1])


class SendsChangesAndPositionApart(ServedOrderStore):
    """`apply` saves the changes, and moves the source by another request."""

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        await self.save(changes)
        return await super().apply((), source=source, position=position)


class ReadsOnce(ServedOrderStore):
    """What was found once is answered for good."""

    _found: Page[Order] | None = None

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        self._found = self._found or await super().find(query)
        return self._found


class ComparesHere(ServedOrderStore):
    """Versions are compared by the client, between a read and a write."""

    async def save(self, orders: Sequence[Order], /) -> None:
        known = await self.get([one.id for one in orders])
        await asyncio.sleep(_THINKING_S)  # what comes between is what the clause looks for
        newer = [
            one for one in orders if one.id not in known or one.version > known[one.id].version
        ]
        await self._call("overwrite", newer)


class WritesWhenItIsLeft(ServedOrderStore):
    """A save is acknowledged before it is sent."""

    def __init__(self, host: str, port: int, place: str) -> None:
        super().__init__(host, port, place)
        self._unsent: list[Order] = []

    async def save(self, orders: Sequence[Order], /) -> None:
        self._unsent += orders

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        await super().save(self._unsent)
        self._unsent.clear()
        return await super().find(query)


async def crash(store: ServedOrderStore) -> None:
    """Let *store* send nothing any more."""
    store.die()


STORES: Final[dict[str, Callable[[str, int, str], ServedOrderStore]]] = {
    one.__name__: one
    for one in (
        ServedOrderStore,
        KeepsConnectionsOfTheCancelled,
        IsEmptyInAnOutage,
        WaitsForEver,
        ClaimsNotApplied,
        ClaimsApplied,
        PassesItsDriversErrors,
        NeverConnectsAgain,
        SendsOneByOne,
        SendsChangesAndPositionApart,
        ReadsOnce,
        ComparesHere,
        WritesWhenItIsLeft,
    )
}


def open_served(name: str, host: str, port: str, place: str) -> ServedOrderStore:
    """What another process opens."""
    return STORES[name](host, int(port), place)


def served_rig(name: str, server: OrderServer) -> Rig[OrderStore]:
    """How the kit opens the store *name* on *server*, with everything declared."""

    def open_through(place: Path, host: str, port: int) -> OrderStore:
        return STORES[name](host, port, place.name)

    def elsewhere(place: Path) -> tuple[str, ...]:
        return (f"{__name__}:open_served", name, server.host, str(server.port), place.name)

    return Rig(
        open=lambda place: open_through(place, server.host, server.port),
        durable=True,
        shared=True,
        positioned=True,
        crash=crash,
        elsewhere=elsewhere,
        open_through=open_through,
        server=(server.host, server.port),
        gives_up_s=5.0,
        shrinks=False,
    )


SERVED_BUGS: Final = (
    ("KeepsConnectionsOfTheCancelled", "calls-after-a-cancelled-one-get-their-own-answers"),
    ("KeepsConnectionsOfTheCancelled", "calls-beside-cancelled-ones-get-their-own-answers"),
    ("KeepsConnectionsOfTheCancelled", "a-late-answer-is-nobody-elses"),
    ("IsEmptyInAnOutage", "an-outage-never-looks-like-absence"),
    ("IsEmptyInAnOutage", "a-silent-server-is-an-error-in-time"),
    ("IsEmptyInAnOutage", "a-cut-at-any-byte-is-an-error-or-the-answer"),
    ("WaitsForEver", "a-silent-server-is-an-error-in-time"),
    ("WaitsForEver", "a-late-request-is-told-honestly"),
    ("ClaimsNotApplied", "a-lost-answer-is-told-honestly"),
    ("ClaimsNotApplied", "a-late-request-is-told-honestly"),
    ("ClaimsApplied", "a-lost-request-is-told-honestly"),
    ("PassesItsDriversErrors", "an-outage-never-looks-like-absence"),
    ("PassesItsDriversErrors", "opening-without-a-server-ends-in-time"),
    ("NeverConnectsAgain", "an-outage-never-looks-like-absence"),
    ("SendsOneByOne", "batches-of-another-client-are-seen-whole"),
    ("SendsOneByOne", "batches-of-another-process-are-seen-whole"),
    ("SendsOneByOne", "versions-of-another-client-are-seen-whole"),
    ("SendsOneByOne", "a-crash-in-a-write-leaves-all-or-nothing"),
    ("SendsOneByOne", "a-lost-request-is-told-honestly"),
    ("SendsOneByOne", "random-histories-equal-a-dictionary"),
    ("SendsChangesAndPositionApart", "random-histories-equal-a-dictionary"),
    ("SendsChangesAndPositionApart", "a-crash-in-an-apply-leaves-both-or-neither"),
    ("SendsChangesAndPositionApart", "of-applies-by-another-client-one-happens"),
    ("ReadsOnce", "another-client-sees-what-was-acknowledged"),
    ("ReadsOnce", "another-process-sees-what-was-acknowledged"),
    ("ComparesHere", "the-newest-version-stays-beside-another-client"),
    ("ComparesHere", "the-newest-version-stays-beside-another-process"),
    ("ComparesHere", "of-one-version-by-another-client-one-content-wins"),
    ("WritesWhenItIsLeft", "a-killed-process-leaves-batches-whole"),
    ("WritesWhenItIsLeft", "acknowledged-orders-survive-a-crash"),
)
"""A store of `STORES`, and a clause that must be broken."""
