"""Two processes over one shared cache and one truth, with a fault possible at every await."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pmstore.backends.memory import MemoryCache, MemoryOrderStore
from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.layers.layer import Layer
from pmstore.layers.options import LayerOptions
from pmstore.layers.record_stores import LayeredOrderStore
from pmstore.layers.stack import Parts
from pmstore.layers.versioned import Versioned
from pmstore.models.order import Order
from pmstore.models.query import OrderQuery
from pmstore.storage.kinds import ORDERS
from tests.layers.schedules.history import History

OPTIONS = LayerOptions(
    cache_max_age_s=1.0, relay_every_s=0.2, call_s=5.0, cache_call_s=0.5, breaker_open_s=0.3
)


class World:
    """
    The servers that processes share, and the chance that something fails.

    Args:
        fault: The chance of a fault at each await of a call, 0..1.
        truth, cache: How the truth and each cache are made, for planted variants.
        keeps_old_data: A restarted shared cache answers what it held before.
    """

    def __init__(
        self,
        seed: int,
        *,
        fault: float = 0.0,
        truth: Callable[..., MemoryOrderStore] = MemoryOrderStore,
        cache: Callable[..., MemoryCache[str, Order]] = MemoryCache,
        keeps_old_data: bool = False,
        tells_losses: bool = True,
    ) -> None:
        self.chance = random.Random(seed)
        self.fault = fault
        self.tells_losses = tells_losses
        self.time = asyncio.get_running_loop().time
        self.truth = truth(clock=lambda: int(self.time() * 1000), tombstone_s=600)
        self.history = History(self.time)
        self._make_cache = cache
        self._keeps_old_data = keeps_old_data
        self._hanging: list[asyncio.Future[None]] = []
        self._dump: MemoryCache[str, Order] | None = None
        self.incarnation = 0
        self.shared = self.cache(max_records=2)

    def cache(self, **named: Any) -> MemoryCache[str, Order]:
        """A cache on this world's time."""
        return self._make_cache(ORDERS, now_s=self.time, **named)

    async def open(self) -> None:
        """Start the servers."""
        await self.truth.__aenter__()
        await self.shared.__aenter__()

    async def restart_shared(self) -> None:
        """Kill the shared cache and start it again, with old data if there is some."""
        old, self.incarnation = self.shared, self.incarnation + 1
        if self._keeps_old_data and self._dump is not None:
            self.shared = self._dump
        else:
            self.shared = self.cache(max_records=2)
            await self.shared.__aenter__()
        if self._dump is None:
            self._dump = old

    async def never(self) -> None:
        """What a dead process waits for."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hanging.append(future)
        await future

    def fails(self) -> bool:
        """Whether this await is a fault."""
        return self.fault > 0 and self.chance.random() < self.fault


class Process:
    """One process's store, and everything that it reaches the servers by."""

    def __init__(
        self,
        world: World,
        *,
        versioned: type[Versioned[str, Order]] = Versioned,
        layer: type[Layer[Any]] = Layer,
        options: LayerOptions = OPTIONS,
        complete: bool = False,
        most: int = 2,
    ) -> None:
        self.world = world
        self.dead = False
        self.acked: dict[str, int] = {}
        """For each key the position in the history that it was told of."""
        self.committed: dict[tuple[str, int], int] = {}
        """The position in the history at which the truth took its write, by key and version."""
        named: dict[str, Any] = {"options": options, "now_s": world.time}
        self.floors_may_go = asyncio.Event()
        self.floors_may_go.set()
        self.memory = world.cache(
            max_records=None if complete else most, mirror=MemoryOrderStore if complete else None
        )
        self.layers = [
            layer("memory", self.memory, shared=False, complete=complete, **named),
            layer("shared", _Shared(self), shared=True, **named),
        ]
        self.versioned = versioned(
            Parts(layers=self.layers, truth=_Truth(self), sinks=(), **named),
            kind=ORDERS,
            everything=lambda limit, after: OrderQuery(limit=limit, after=after),
        )
        self.store = LayeredOrderStore(self.versioned)

    def die(self) -> None:
        """No call of this process is sent or answered any more."""
        self.dead = True

    async def reach(self, call: Callable[[], Any]) -> Any:
        """A call over the network: it may be lost, or its answer, at any await."""
        await self._step("asked")
        answer = await call()
        await self._step("answered")
        return answer

    async def _step(self, at: str) -> None:
        await asyncio.sleep(0)
        if self.dead:
            await self.world.never()
        if self.world.fails():
            if self.world.chance.random() < 0.2:
                await asyncio.sleep(self.world.chance.random() * 2)
            else:
                outcome = WriteOutcome.NOT_APPLIED if at == "asked" else WriteOutcome.UNKNOWN
                raise StoreUnavailable(f"a planned fault: not {at}", outcome=outcome)


class _Truth:
    """The truth as one process sees it; what is committed goes into the history at once."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._inner = process.world.truth
        self.limits, self.coverage = self._inner.limits, self._inner.coverage
        self.outbox = _Reached(process, self._inner.outbox)
        self.channel = _Channel(process)

    async def __aenter__(self) -> _Truth:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    async def _written(
        self,
        versions: Sequence[tuple[str, int]],
        call: Callable[[], Any],
        *,
        removes: bool = False,
    ) -> Any:
        async def write() -> Any:
            answer = await call()
            keys = [key for key, _ in versions]
            history = self._process.world.history
            found = await self._inner.get(keys)
            before = {key: history.position(key) for key in keys}
            history.note(keys, found, removed=versions if removes else ())
            for key, version in versions:
                # One that was overtaken is none of its own, and may be seen later.
                took = found[key].version == version if key in found else removes
                if took and (not removes or history.position(key) > before[key]):
                    self._process.committed[(key, version)] = history.position(key) - 1
            return answer

        return await self._process.reach(write)

    async def save_noted(self, orders: Sequence[Order], /) -> frozenset[str]:
        kept: frozenset[str] = await self._written(
            [(order.id, order.version) for order in orders], lambda: self._inner.save_noted(orders)
        )
        return kept

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        removed: int = await self._written(
            versions, lambda: self._inner.remove(versions), removes=True
        )
        return removed

    async def load(self, ids: Sequence[str], /) -> dict[str, Order]:
        found: dict[str, Order] = await self._process.reach(lambda: self._inner.load(ids))
        return found

    async def find(self, query: OrderQuery, /) -> Any:
        return await self._process.reach(lambda: self._inner.find(query))


class _Reached:
    """Any verb of a server, over the network."""

    def __init__(self, process: Process, inner: Any) -> None:
        self._process = process
        self._inner = inner

    def __getattr__(self, verb: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            return self._process.reach(lambda: getattr(self._inner, verb)(*given, **named))

        return call


class _Shared:
    """The shared cache as one process sees it: tokens carry the incarnation."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self.limits, self.coverage = self._world.shared.limits, self._world.shared.coverage

    async def __aenter__(self) -> _Shared:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    async def _ask(self, call: Callable[[Any], Any]) -> Any:
        incarnation = self._world.incarnation

        async def asked() -> Any:
            if incarnation != self._world.incarnation:
                raise StoreUnavailable("the connection was lost")
            return await call(self._world.shared)

        return await self._process.reach(asked)

    async def lookup(self, keys: Sequence[str], /) -> Any:
        incarnation = self._world.incarnation
        looked = await self._ask(lambda shared: shared.lookup(keys))
        return looked._replace(token=f"{incarnation}.{looked.token}")

    async def lease(self, keys: Sequence[str], /) -> str:
        incarnation = self._world.incarnation
        return f"{incarnation}.{await self._ask(lambda shared: shared.lease(keys))}"

    async def put(self, token: str, records: Sequence[Order], /, **named: Any) -> Any:
        begun, _, inner = token.partition(".")
        if int(begun) != self._world.incarnation:
            return frozenset()
        return await self._ask(lambda shared: shared.put(inner, records, **named))

    async def floor(self, floors: Sequence[tuple[str, int]], /) -> None:
        await self._process.floors_may_go.wait()
        await self._ask(lambda shared: shared.floor(floors))

    async def clear(self) -> None:
        await self._ask(lambda shared: shared.clear())


class _Channel:
    """The channel as one process sees it; its connection may be lost."""

    payload_max = 1000

    def __init__(self, process: Process) -> None:
        self._process = process
        self._inner = process.world.truth.channel

    async def publish(self, messages: Sequence[str], /) -> None:
        await self._process.reach(lambda: self._inner.publish(messages))

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[_Subscription]:
        yield _Subscription(self._process)


class _Subscription:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._open: Any = None
        self._inner: Any = None

    async def receive(self) -> str | None:
        process, world = self._process, self._process.world
        while True:
            if self._open is None:
                await asyncio.sleep(world.chance.random() * 1.5 if world.fault else 0)
                self._open = world.truth.channel.subscribe()
                self._inner = await self._open.__aenter__()
            message: str | None = await self._inner.receive()
            await asyncio.sleep(0)
            if process.dead:
                await world.never()
            if not world.fails():
                return message
            await self._open.__aexit__(None, None, None)
            self._open = None
            if world.tells_losses:
                return None
