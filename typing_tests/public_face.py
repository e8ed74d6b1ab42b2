"""What a type checker says about the public names; mypy runs over this file, nobody else."""

from __future__ import annotations

from typing import assert_type

import pmstore
import pmstore.layers as layer_types
import pmstore.sync
from pmstore import queries
from pmstore.plugin import Backend, Contracts, config_from
from pmstore.settings import StorageSettings, integer, read_settings, setting


async def orders() -> None:
    async with pmstore.open_order_store("memory://") as store:
        assert_type(store, pmstore.OrderStore)
        page = await store.find(pmstore.OrderQuery(side=pmstore.Side.BUY))
        assert_type(page, pmstore.Page[pmstore.Order])
        assert_type(page.items, tuple[pmstore.Order, ...])
        assert_type(await store.get(["a"]), dict[str, pmstore.Order])
        assert_type(await queries.fresh(store, ["a"]), dict[str, pmstore.Order])
        assert_type(await store.remove([("a", 1)]), int)
        async for order in queries.all(store, pmstore.OrderQuery()):
            assert_type(order, pmstore.Order)
        await store.save(["no order"])  # type: ignore[list-item]
        pmstore.OrderQuery(sidd=pmstore.Side.BUY)  # type: ignore[call-arg]


async def streams() -> None:
    async with (
        pmstore.open_stream("memory://", "store_stream") as stream,
        pmstore.open_consumers("memory://", stream) as groups,
    ):
        assert_type(await stream.append([b"x"], expect_head=pmstore.EMPTY), pmstore.Position)
        assert_type(await stream.read(pmstore.START, 10), list[pmstore.Entry])
        assert_type(await stream.bounds(), pmstore.Bounds | None)
        assert_type(await stream.size_bytes(), int)
        assert_type(await groups.positions(), dict[str, pmstore.Position])
        assert_type(await pmstore.stream_durability("memory://"), str | None)
        assert_type(pmstore.part_of("redis://localhost", "g1s0", 0), pmstore.Stack)
        await stream.append(["text"])  # type: ignore[list-item]


async def deployment() -> None:
    async with pmstore.open_stores_to_read(".env") as seen:
        assert_type(seen.orders, pmstore.OrderStore | None)
        assert_type(await seen.open_stream("store_stream"), pmstore.Stream | None)
    async with pmstore.open_stores(".env") as stores:
        assert_type(stores, pmstore.Stores)
        assert_type(stores.trades, pmstore.TradeStore)
        assert_type(await stores.open_stream("x"), pmstore.Stream)
        assert_type(await stores.snapshots.load(), pmstore.Snapshot | None)


def configuration() -> None:
    settings = read_settings(StorageSettings)
    assert_type(settings, StorageSettings)
    assert_type(settings.orders, pmstore.Stack)
    assert_type(settings.database_port, int)
    assert_type(setting("A", integer(1, 2), default=1, doc=""), int)
    assert_type(setting("A", integer(1, 2), default=None, doc=""), int | None)
    settings.database_port = 3  # type: ignore[misc]


class Config:
    """A plugin's config."""


def own_orders(config: Config) -> pmstore.OrderStore:
    return pmstore.open_order_store("memory://")


def own_stream(config: Config) -> pmstore.Stream:
    return pmstore.open_stream("memory://", "x")


def plugin() -> None:
    assert_type(config_from(Config, pmstore.Url(scheme="own")), Config)
    contracts: Contracts = {"orders": own_orders}
    Backend(name="own", schemes=("own",), config=lambda url: Config(), contracts=contracts)
    wrong: Contracts = {"trades": own_orders}  # type: ignore[typeddict-item]
    nameless: Contracts = {"stream": own_stream}  # type: ignore[typeddict-item]
    Backend(name="own", schemes=("own",), config=lambda url: Config(), contracts=wrong | nameless)


def fold(snapshot: pmstore.Snapshot, order: pmstore.Order, market: pmstore.Market) -> None:
    state = pmstore.State.restore(snapshot)
    assert_type(state.leaving_of(order), pmstore.Leaving | None)
    assert_type(pmstore.Work(snapshot.work).leaving_of(order), pmstore.Leaving | None)
    assert_type(state.groups(), dict[pmstore.GroupKey, pmstore.Group])
    assert_type(state.sessions, dict[pmstore.SessionKey, int])
    assert_type(pmstore.snapshot_digest(snapshot), str)
    assert_type(market.fees, pmstore.Fees | None)
    pmstore.Fees("flat", 1, 2)  # type: ignore[arg-type]
    pmstore.Leaving("bored", 1, 2)  # type: ignore[arg-type]
    state.apply(pmstore.GroupFilled("u", "g", 1, 2))
    state.apply(market)  # type: ignore[arg-type]


async def ledger() -> None:
    async with pmstore.open_ledger_store("memory://") as store:
        assert_type(store, pmstore.LedgerStore)
        mine = await store.find(pmstore.LedgerQuery(user_id="u1", kinds=[pmstore.EntryKind.FEE]))
        assert_type(mine, pmstore.Page[pmstore.LedgerEntry])
        whole = await store.journal(pmstore.JournalQuery(source="store_stream"))
        assert_type(whole.items[0].holder, pmstore.Holder)
    assert_type(pmstore.keeps_ledger("memory://"), bool)


def without_await() -> None:
    with pmstore.sync.open_order_store("memory://") as orders:
        assert_type(orders, pmstore.sync.OrderStore)
        assert_type(orders.find(pmstore.OrderQuery()), pmstore.Page[pmstore.Order])
        assert_type(orders.get(["a"]), dict[str, pmstore.Order])
        assert_type(orders.remove([("a", 1)]), int)
        for order in pmstore.sync.queries.all(orders, pmstore.OrderQuery()):
            assert_type(order, pmstore.Order)
        assert_type(pmstore.sync.positioned(orders), pmstore.sync.Positioned | None)
        orders.save(["no order"])  # type: ignore[list-item]
    with pmstore.sync.open_stores(".env") as stores:
        assert_type(stores.trades, pmstore.sync.TradeStore)
        assert_type(stores.open_stream("x"), pmstore.sync.Stream)
        assert_type(stores.open_stream("x").read(pmstore.START, 1), list[pmstore.Entry])
        assert_type(stores.snapshots.load(), pmstore.Snapshot | None)
        assert_type(stores.snapshots.list(), list[pmstore.SnapshotInfo])


def layers(
    orders: pmstore.OrderStore, trades: pmstore.TradeStore, accounts: pmstore.AccountStore
) -> None:
    options = pmstore.LayerOptions(cache_max_age_s=2.0)
    placed = pmstore.Placed(store=orders, name="sink", policy=pmstore.Policy.BEHIND)
    assert_type(
        pmstore.layered([], orders, sinks=[placed], options=options), layer_types.LayeredOrderStore
    )
    assert_type(pmstore.layered([], trades), layer_types.LayeredTradeStore)
    assert_type(pmstore.layered([], accounts, kind="accounts"), layer_types.LayeredAccountStore)
    stack: pmstore.OrderStore = pmstore.layered([], orders)
    assert_type(stack.limits, pmstore.Limits)
    pmstore.layered([], orders, sink=[])  # type: ignore[call-overload]
