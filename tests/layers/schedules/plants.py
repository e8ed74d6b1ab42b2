"""Stacks of which one rule was taken out, each by a small change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from pmstore.backends.memory import MemoryCache, MemoryOrderStore
from pmstore.layers.layer import Layer
from pmstore.layers.relay import CACHES, Relay
from pmstore.layers.versioned import Versioned
from pmstore.models.order import Order
from pmstore.protocols.cache import Looked
from tests.layers.schedules.workload import Load
from tests.layers.schedules.world import Process, World


@attrs.frozen(kw_only=True)
class Plant:
    """One variant: how its world and processes are made, and under what load it shows."""

    world: dict[str, Any] = attrs.Factory(dict)
    process: dict[str, Any] = attrs.Factory(dict)
    load: Load = attrs.Factory(Load)
    fault: float = 0.02

    def start(self, world: World) -> Process:
        """A process of this variant."""
        return Process(world, **self.process)


class _CachesFirst(Versioned[str, Order]):
    async def write(self, records: Sequence[Order]) -> None:
        keys = [record.id for record in records]
        tokens = await self._lease(keys)
        await self._settle(keys, records, frozenset(keys), tokens)
        await super().write(records)


class _WhatWasSent(Versioned[str, Order]):
    async def _settle(self, keys: Any, records: Any, kept: Any, tokens: Any) -> None:
        await super()._settle(keys, records, frozenset(keys), tokens)


class _NoRelay(Relay[str]):
    async def _relay_some(self, shared: dict[str, int]) -> bool:
        return False


class _PublishesFirst(Relay[str]):
    async def _relay_some(self, shared: dict[str, int]) -> bool:
        notes = await self._outbox.notes(CACHES, 1000)
        if notes:
            changes = self._merged(notes)
            await self._channel.publish(self._words.write(changes, self._channel.payload_max))
            for layer in self._shared:
                if not await self._floored(layer, changes):
                    shared.pop(layer.name, None)
            if len(shared) == len(self._shared):
                await self._outbox.forget(CACHES, notes)
        return False


class _DeletesFirst(Relay[str]):
    async def _relay_some(self, shared: dict[str, int]) -> bool:
        notes = await self._outbox.notes(CACHES, 1000)
        if notes:
            await self._outbox.forget(CACHES, notes)
            changes = self._merged(notes)
            for layer in self._shared:
                await self._apply(layer, changes)
            await self._channel.publish(self._words.write(changes, self._channel.payload_max))
        return False


class _NeverDeaf(Relay[str]):
    async def _lost(self) -> None:
        await super()._lost()
        self._deaf = False


def _relaying(relay: type[Relay[str]]) -> type[Versioned[str, Order]]:
    class Relaying(Versioned[str, Order]):
        def _make_relay(self) -> Relay[str]:
            made = super()._make_relay()
            made.__class__ = relay
            return made

    return Relaying


class _NoLeases(MemoryCache[str, Order]):
    """Keeps whatever is not below a floor that is still there."""

    async def lookup(self, keys: Sequence[str], /) -> Looked[str, Order]:
        found, token = await super().lookup(keys)
        return Looked(found, token or "any")

    async def put(self, token: str, records: Sequence[Order], /, **named: Any) -> frozenset[str]:
        absent = named.get("absent", ())
        granted = await self.lease([*(record.id for record in records), *absent])
        return await super().put(granted, records, **named)


class EvictsFloors(MemoryCache[str, Order]):
    """Keeps no floor for longer than the step that sets it: a cache may evict anything."""

    async def floor(self, floors: Sequence[tuple[str, int]], /) -> None:
        await super().floor(floors)
        self._floors.clear()


class _FlightsStay(Versioned[str, Order]):
    def _detach(self, keys: Any) -> None:
        pass


class _ListsOverFloors(MemoryCache[str, Order]):
    async def find(self, query: Any, /) -> Any:
        self._floors.clear()
        return await super().find(query)


class _AlwaysTrusted(Layer[Any]):
    def usable(self, now_s: float) -> bool:
        return self._opened


class _NeverDoubted(Layer[Any]):
    def distrust(self) -> None:
        pass


class _ForgetfulTruth(MemoryOrderStore):
    """Removes without a tombstone."""

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        removed = await super().remove(versions)
        for id, _ in versions:
            self._tombstones.lift(id)
        return removed


class _UnflooredRemoves(Versioned[str, Order]):
    """Removes without telling the caches of this process."""

    async def _floor_all(self, floors: Any) -> None:
        pass


BUSY = Load(clients=4, calls=14, restarts=0, deaths=0)
CROWD = Load(clients=6, calls=25, restarts=0, deaths=0)

PLANTS: dict[str, Plant] = {
    "rule 1: caches before the truth": Plant(process={"versioned": _CachesFirst}, load=BUSY),
    "rule 1: what was sent, not what was taken": Plant(
        process={"versioned": _WhatWasSent}, load=BUSY
    ),
    "rule 2: no outbox": Plant(process={"versioned": _relaying(_NoRelay)}),
    "rule 2: deleted before it was published": Plant(
        process={"versioned": _relaying(_DeletesFirst)}, load=BUSY
    ),
    "rule 3: no leases": Plant(world={"cache": _NoLeases}, load=BUSY),
    "rule 4: no incarnation": Plant(world={"keeps_old_data": True}, load=Load(restarts=4)),
    "rule 5: no tombstones in the truth": Plant(world={"truth": _ForgetfulTruth}, load=BUSY),
    "rule 5: no tombstones in the caches": Plant(
        process={"versioned": _UnflooredRemoves}, load=BUSY
    ),
    "rule 6: flights stay": Plant(process={"versioned": _FlightsStay}, load=CROWD),
    "rule 7: complete under floors": Plant(
        world={"cache": _ListsOverFloors},
        process={"complete": True},
        load=attrs.evolve(BUSY, lists=True),
    ),
    "rule 11: always trusted": Plant(process={"layer": _AlwaysTrusted}, load=BUSY, fault=0.1),
    "rule 11: losses are not told": Plant(world={"tells_losses": False}, load=BUSY, fault=0.1),
    "rule 11: never deaf": Plant(
        process={"versioned": _relaying(_NeverDeaf)}, load=CROWD, fault=0.1
    ),
    "rule 8: never doubted": Plant(process={"layer": _NeverDoubted}, load=BUSY, fault=0.1),
}
"""Every rule taken out, by name; the order of the relay's first steps has a test of its own."""

PUBLISHES_FIRST: type[Versioned[str, Order]] = _relaying(_PublishesFirst)
"""Invalidations reach the processes before the shared cache is floored."""
