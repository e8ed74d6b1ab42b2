"""What layers do beside keeping the contract: hits, fills, policies, dead letters, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from pmstore.backends.memory import MemoryCache, MemoryOrderStore, MemoryTradeStore
from pmstore.errors import InvalidRecord, StoreUnavailable, WriteOutcome
from pmstore.layers import LayerOptions, Placed, Policy, layered
from pmstore.layers.metered import PrometheusMeter
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.query import TradeQuery
from pmstore.protocols import Applied
from pmstore.storage.kinds import ORDERS
from pmstore.testing.samples import order, trade

QUICK = LayerOptions(
    relay_every_s=0.005, cache_max_age_s=0.5, breaker_open_s=0.01, attempts=1, cache_call_s=0.2
)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await true():
            await asyncio.sleep(0.002)


class Watched(MemoryOrderStore):
    """Counts reads, and holds them back or fails as told."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self.saves = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails: Exception | None = None

    async def load(self, ids: Sequence[str], /) -> dict[str, Order]:
        self.loads += 1
        found = await super().load(ids)
        await self.gate.wait()
        return found

    async def save(self, orders: Sequence[Order], /) -> None:
        self.saves += 1
        if self.fails is not None:
            raise self.fails
        await super().save(orders)


class Broken(MemoryCache[str, Order]):
    """A cache that does not answer while it is told so."""

    def __init__(self) -> None:
        super().__init__(ORDERS)
        self.down = False
        self.calls = 0

    def check_call(self, size: int = 0) -> None:
        self.calls += 1
        if self.down:
            raise StoreUnavailable("down", outcome=WriteOutcome.NOT_APPLIED)
        super().check_call(size)


async def test_a_miss_is_read_once_whoever_asks_meanwhile() -> None:
    truth = Watched()
    async with layered(MemoryCache(ORDERS), truth, options=QUICK) as orders:
        await truth.save([order(1)])
        await asyncio.sleep(0.02)
        truth.loads = 0
        truth.gate.clear()
        reads = [asyncio.ensure_future(orders.get(["order_1"])) for _ in range(20)]
        await asyncio.sleep(0.01)
        truth.gate.set()
        assert await asyncio.gather(*reads) == [{"order_1": order(1)}] * 20
        assert truth.loads == 1


async def test_a_reader_that_gives_up_leaves_the_read_to_the_others() -> None:
    truth = Watched()
    async with layered(MemoryCache(ORDERS), truth, options=QUICK) as orders:
        await truth.save([order(1)])
        truth.gate.clear()
        first = asyncio.ensure_future(orders.get(["order_1"]))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(orders.get(["order_1"]))
        await asyncio.sleep(0.01)
        first.cancel()
        truth.gate.set()
        assert await second == {"order_1": order(1)}


async def test_what_was_written_is_read_without_the_truth_and_fresh_asks_it() -> None:
    truth = Watched()
    async with layered(MemoryCache(ORDERS), truth, options=QUICK) as orders:
        await orders.save([order(1)])
        assert await orders.get(["order_1"]) == {"order_1": order(1)}
        assert truth.loads == 0
        assert await orders.get(["order_1"], fresh=True) == {"order_1": order(1)}
        assert truth.loads == 1


async def test_another_process_s_write_is_seen_within_the_bound() -> None:
    truth = MemoryOrderStore()
    one, other = (layered(MemoryCache(ORDERS), truth, options=QUICK) for _ in range(2))
    async with one, other:
        await one.save([order(1)])
        assert await other.get(["order_1"]) == {"order_1": order(1)}
        await one.save([order(1, version=2)])

        async def seen() -> bool:
            return bool(await other.get(["order_1"]) == {"order_1": order(1, version=2)})

        async with asyncio.timeout(QUICK.cache_max_age_s * 2):
            await until(seen)


async def test_a_relay_whose_notes_were_ended_has_them_kept_again_and_clears() -> None:
    truth = MemoryOrderStore()
    elapsed_s = 0.0
    async with layered(
        MemoryCache(ORDERS),
        truth,
        options=QUICK,
        now_s=lambda: asyncio.get_running_loop().time() + elapsed_s,
    ) as orders:
        await orders.save([order(1)])
        assert await truth.outbox.keep("caches", False)
        await truth.save([order(1, version=2)])
        elapsed_s = 11.0

        async def kept() -> bool:
            return await truth.outbox.readers() == ["caches"] and not await truth.outbox.notes(
                "caches", 1
            )

        await until(kept)
        assert await orders.get(["order_1"]) == {"order_1": order(1, version=2)}


async def test_a_cache_that_is_down_is_skipped_and_comes_back() -> None:
    cache, truth = Broken(), Watched()
    stack = [Placed(store=cache, name="shared", shared=True)]
    async with layered(stack, truth, options=QUICK) as orders:
        await orders.save([order(1)])
        cache.down = True
        for version in range(2, 30):
            await orders.save([order(1, version=version)])
            assert await orders.get(["order_1"]) == {"order_1": order(1, version=version)}
        calls = cache.calls
        assert calls < 60, "the breaker keeps calls away"
        cache.down = False

        async def kept() -> bool:
            loads = truth.loads
            assert await orders.get(["order_1"]) == {"order_1": order(1, version=29)}
            return truth.loads == loads

        await until(kept)


async def test_a_batch_costs_as_many_round_trips_as_one_record() -> None:
    cache, truth = Broken(), Watched()
    stack = [Placed(store=cache, name="shared", shared=True)]
    slow = LayerOptions(relay_every_s=30, cache_max_age_s=100)
    async with layered(stack, truth, options=slow) as orders:
        counts: list[tuple[int, int, int]] = []
        for size in (1, 1000):
            cache.calls = truth.saves = truth.loads = 0
            batch = [order(number, version=size) for number in range(size)]
            await orders.save(batch)
            await orders.remove([(one.id, one.version) for one in batch])
            await orders.get([one.id for one in batch])
            counts.append((cache.calls, truth.saves, truth.loads))
        # A token, a put, a floor; a lookup and a fill.
        assert counts == [(5, 1, 1)] * 2


async def test_a_required_cache_that_is_down_lets_no_write_begin() -> None:
    cache, truth = Broken(), Watched()
    stack = [Placed(store=cache, name="shared", shared=True, policy=Policy.REQUIRED)]
    async with layered(stack, truth, options=QUICK) as orders:
        cache.down = True
        with pytest.raises(StoreUnavailable) as caught:
            await orders.save([order(1)])
        assert caught.value.outcome is WriteOutcome.NOT_APPLIED
        assert truth.saves == 0


async def test_the_truth_being_down_is_an_error_and_never_an_absence() -> None:
    truth = Watched()
    async with layered(MemoryCache(ORDERS), truth, options=QUICK) as orders:
        truth.fails = StoreUnavailable("down")
        with pytest.raises(StoreUnavailable):
            await orders.save([order(1)])
        truth.fails = None
        assert await orders.get(["order_1"]) == {}


async def test_a_required_sink_fails_the_call_and_a_best_effort_one_does_not() -> None:
    for policy in (Policy.REQUIRED, Policy.BEST_EFFORT):
        truth, sink = MemoryOrderStore(), Watched()
        placed = [Placed(store=sink, name="sink", policy=policy)]
        async with layered([], truth, sinks=placed, kind="orders", options=QUICK) as orders:
            sink.fails = StoreUnavailable("down")
            if policy is Policy.REQUIRED:
                with pytest.raises(StoreUnavailable) as caught:
                    await orders.save([order(1)])
                assert caught.value.retryable
            else:
                await orders.save([order(1)])
            sink.fails = None
            await orders.save([order(1)])
            assert await truth.get(["order_1"]) == {"order_1": order(1)}


async def test_a_sink_behind_gets_the_newest_of_each_key_from_the_outbox() -> None:
    truth, sink = MemoryOrderStore(), Watched()
    placed = [Placed(store=sink, name="sink", policy=Policy.BEHIND)]
    async with layered([], truth, sinks=placed, kind="orders", options=QUICK) as orders:
        sink.fails = StoreUnavailable("down")
        for version in range(1, 50):
            await orders.save([order(1, version=version), order(2, version=version)])
        await orders.remove([("order_2", 49)])
        sink.fails, sink.saves = None, 0

        async def there() -> bool:
            found = await sink.get(["order_1", "order_2"])
            return found == {"order_1": order(1, version=49)}

        await until(there)
        assert sink.saves <= 2


async def test_what_a_sink_behind_refuses_for_good_is_a_dead_letter_with_its_reason() -> None:
    class Picky(MemoryOrderStore):
        async def save(self, orders: Sequence[Order], /) -> None:
            if any(one.id == "order_2" for one in orders):
                raise InvalidRecord("I take no order_2")
            await super().save(orders)

    truth, sink = MemoryOrderStore(), Picky()
    placed = [Placed(store=sink, name="sink", policy=Policy.BEHIND)]
    async with layered([], truth, sinks=placed, kind="orders", options=QUICK) as orders:
        await orders.save([order(1), order(2), order(3)])
        (worker,) = orders.behind

        async def buried() -> bool:
            return len(await worker.dead()) == 1 and len(await sink.get(["order_3"])) == 1

        await until(buried)
        (letter,) = await worker.dead()
        assert (letter.key, letter.reason) == ("order_2", "InvalidRecord: I take no order_2")


async def test_too_much_behind_becomes_dead_letters() -> None:
    truth, sink = MemoryOrderStore(), Watched()
    placed = [Placed(store=sink, name="sink", policy=Policy.BEHIND)]
    options = LayerOptions(relay_every_s=0.005, behind_max=10, notes_max=5)
    async with layered([], truth, sinks=placed, kind="orders", options=options) as orders:
        sink.fails = StoreUnavailable("down")
        await orders.save([order(number) for number in range(30)])
        (worker,) = orders.behind

        async def buried() -> bool:
            return len(await worker.dead()) == 20

        await until(buried)
        assert "more than 10 changes waited for sink" in (await worker.dead())[0].reason


async def test_positions_are_kept_per_layer_and_the_lowest_counts() -> None:
    truth, sink = MemoryOrderStore(), MemoryOrderStore()
    async with layered([], truth, sinks=[sink], kind="orders", options=QUICK) as orders:
        at = Position(1, 0)
        await truth.apply([order(1)], source="log", position=at)
        assert await orders.position("log") is None
        assert await orders.apply([order(1)], source="log", position=at) is Applied.APPLIED
        assert await sink.get(["order_1"]) == {"order_1": order(1)}
        assert await orders.apply([order(1)], source="log", position=at) is Applied.DUPLICATE
        assert await orders.position("log") == at


async def test_trades_go_to_a_sink_behind() -> None:
    truth, sink = MemoryTradeStore(), MemoryTradeStore()
    placed = [Placed(store=sink, name="log", policy=Policy.BEHIND)]
    async with layered([], truth, sinks=placed, kind="trades", options=QUICK) as trades:
        await trades.append([trade(number) for number in range(5)])

        async def there() -> bool:
            return len((await sink.find(TradeQuery())).items) == 5

        await until(there)


async def test_metrics_are_counted_and_no_id_is_a_label() -> None:
    registry = CollectorRegistry()
    stack = [
        Placed(store=MemoryCache(ORDERS), name="memory"),
        Placed(store=MemoryCache(ORDERS), name="shared", shared=True),
    ]
    meter = PrometheusMeter("orders", registry=registry)
    async with layered(stack, MemoryOrderStore(), options=QUICK, meter=meter) as orders:
        await orders.save([order(1)])
        await orders.get(["order_1"])
        await orders.get(["order_2"])
        await orders.position("log")

        def sample(name: str, **labels: str) -> Any:
            return registry.get_sample_value(name, {"store": "orders", **labels})

        async def relayed() -> bool:
            return sample("pmstore_outbox_depth") == 0

        await until(relayed)

    assert sample("pmstore_hits_total", layer="memory") == 1
    assert sample("pmstore_op_seconds_count", layer="truth", op="save") == 1
    assert sample("pmstore_op_seconds_count", layer="shared", op="put") >= 1
    assert sample("pmstore_breaker_state", layer="shared") == 0
    assert sample("pmstore_outbox_depth") == 0
    assert sample("pmstore_outbox_lag_seconds") == 0
    labels = {
        label for metric in registry.collect() for one in metric.samples for label in one.labels
    }
    assert labels <= {"store", "layer", "op", "kind", "result", "le"}
