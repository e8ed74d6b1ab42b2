"""A URL becomes a store, or an error that says what is wrong with it."""

from __future__ import annotations

import socket
from pathlib import Path
from uuid import uuid4

import pytest

import pmstore
from pmstore import SettingsError, StoreClosed, StoreUnavailable
from pmstore.plugin import Backend
from tests.registry.distributions import good, install


async def test_an_order_store_opens_by_its_url() -> None:
    async with pmstore.open_order_store("memory://?max_orders=5") as orders:
        assert await orders.get(["absent"]) == {}
    with pytest.raises(StoreClosed):
        await orders.get(["absent"])


async def test_every_contract_of_memory_opens() -> None:
    async with (
        pmstore.open_trade_store("memory://?recent=10") as trades,
        pmstore.open_account_store("memory://") as accounts,
        pmstore.open_event_store("memory://") as events,
        pmstore.open_snapshot_store("memory://") as snapshots,
        pmstore.open_lease("memory://") as lease,
        pmstore.open_stream("memory://", "store_stream") as stream,
        pmstore.open_consumers("memory://", stream) as groups,
    ):
        assert trades.coverage.newest == 10
        assert await accounts.get([]) == {}
        assert await events.get([]) == {}
        assert await snapshots.load() is None
        assert await lease.acquire("engine", 10) == 1
        last = await stream.append([b"x"])
        assert [one.id for one in await groups.read("g", "a", 10)] == [last]


async def test_streams_of_a_folder_have_a_folder_each(tmp_path: Path) -> None:
    url = f"file:{tmp_path}/streams"
    async with (
        pmstore.open_stream(url, "order_input_stream") as one,
        pmstore.open_stream(url, "store_stream") as other,
    ):
        await one.append([b"x"])
        assert await other.bounds() is None
        assert await one.bounds() is not None


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "x" * 65, "ä"])
def test_a_stream_name_that_could_leave_its_place_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="is not the name of a stream"):
        pmstore.open_stream("memory://", name)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("memory://?recnt=3", "unknown parameter 'recnt'. Did you mean recent?"),
        ("memory://?recent=many", "expected an integer, not 'many'"),
        ("memory://?recent=0", "recent"),
        ("memory://host", "memory takes no host"),
        ("memory", "begins with a scheme"),
        ("memory:// > memory://?recent=3", "memory:// stands in it twice"),
        ("memory:// | memory://", "memory:// stands in it twice"),
        ("memory:// >", "a URL on both sides"),
    ],
)
def test_a_url_that_cannot_be_is_refused_at_construction(url: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        pmstore.open_trade_store(url)
    assert reason in str(caught.value)


def test_all_problems_of_a_url_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        pmstore.open_trade_store("memory://host?recnt=1&recent=x")
    assert len(caught.value.problems) == 3


def test_layers_that_cannot_be_combined_say_why() -> None:
    with pytest.raises(SettingsError, match="file does not keep orders"):
        pmstore.open_order_store("memory:// > file:orders")
    with pytest.raises(SettingsError, match="a cache of trades has a bound"):
        pmstore.open_trade_store("memory:// > file:trades.log")


async def test_recent_trades_stand_before_the_audit_log(tmp_path: Path) -> None:
    url = f"memory://?recent=3 > file:{tmp_path}/trades.log"
    async with pmstore.open_trade_store(url) as trades:
        assert trades.coverage.is_all
        assert (await trades.find(pmstore.TradeQuery())).items == ()


def test_a_contract_that_a_backend_does_not_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme = f"acme{uuid4().hex}"
    install(tmp_path / "s", "acme", f"plugin_{scheme}", (scheme,), good("acme", scheme))
    monkeypatch.syspath_prepend(tmp_path / "s")
    pmstore.open_order_store(f"{scheme}://")
    with pytest.raises(SettingsError, match="acme does not keep trades, but orders"):
        pmstore.open_trade_store(f"{scheme}://")


def test_a_pin_in_the_environment_decides_a_clash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme = f"acme{uuid4().hex}"
    for name in ("first", "second"):
        module = f"plugin_{name}_{scheme}"
        install(tmp_path / "s", name, module, (scheme,), good(name, scheme))
    monkeypatch.syspath_prepend(tmp_path / "s")
    with pytest.raises(pmstore.ClashingPlugins, match="first and second"):
        pmstore.open_order_store(f"{scheme}://")
    monkeypatch.setenv(f"PMSTORE_PIN_{scheme.upper()}", "second")
    pmstore.open_order_store(f"{scheme}://")


def test_a_registered_backend_serves_its_scheme() -> None:
    scheme = f"own{uuid4().hex}"
    asked: list[str] = []

    def snapshots(config: pmstore.Url) -> pmstore.SnapshotStore:
        asked.append(config.path)
        return pmstore.open_snapshot_store("memory://")

    pmstore.register(
        Backend(
            name="own",
            schemes=(scheme,),
            config=lambda url: url,
            contracts={"snapshots": snapshots},
        )
    )
    pmstore.open_snapshot_store(f"{scheme}:/some/place")
    assert asked == ["/some/place"]


async def test_a_deployment_without_settings_is_embedded(tmp_path: Path) -> None:
    environ = {"DATA_DIR": str(tmp_path)}
    async with pmstore.open_stores(environ=environ) as stores:
        assert (await stores.orders.find(pmstore.OrderQuery())).items == ()
        assert (await stores.trades.find(pmstore.TradeQuery())).items == ()
        assert await stores.snapshots.load() is None
        stream = await stores.open_stream("store_stream")
        assert await stores.open_stream("store_stream") is stream
        await stream.append([b"x"])
        assert await (await stores.open_accounts()).get([]) == {}
        assert await (await stores.open_events()).get([]) == {}
    with pytest.raises(StoreClosed):
        await stream.bounds()
    assert (tmp_path / "streams" / "store_stream").is_dir()


async def test_a_deployment_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text(
        f"DATA_DIR={tmp_path}\nPMSTORE_TRADES_URL=memory://\nPMSTORE_STREAMS_URL=memory://\n"
    )
    async with pmstore.open_stores(file, environ={}) as stores:
        assert stores.trades.coverage.is_all
        groups = await stores.open_consumers("store_stream")
        assert await groups.positions() == {}
        lease = await stores.open_lease()
        assert await lease.acquire("engine", 10) == 1


async def test_a_durable_mode_never_starts_without_its_durable_store() -> None:
    with socket.socket() as nobody:
        # Bound and not listening: a connection is refused, and no one else takes the port.
        nobody.bind(("127.0.0.1", 0))
        environ = {
            "DATABASE_ENABLED": "true",
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(nobody.getsockname()[1]),
        }
        with pytest.raises(StoreUnavailable, match="nothing listens there"):
            async with pmstore.open_stores(environ=environ):
                pass


def test_a_truth_that_forgets_is_refused() -> None:
    with pytest.raises(SettingsError, match="PMSTORE_TRADES_URL: .*no truth behind it"):
        pmstore.open_stores(environ={"PMSTORE_TRADES_URL": "memory://?recent=5"})


def test_a_missing_env_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        pmstore.open_stores(tmp_path / "none.env", environ={})


async def test_what_was_opened_is_closed_when_a_later_store_cannot_open() -> None:
    scheme = f"own{uuid4().hex}"
    opened: list[pmstore.OrderStore] = []

    class Unreachable:
        limits, coverage = pmstore.Limits(), pmstore.ALL

        async def __aenter__(self) -> None:
            raise pmstore.StoreUnavailable("nobody answers")

        async def __aexit__(self, *exc: object) -> None:
            raise AssertionError("it was never opened")

    def orders(config: pmstore.Url) -> pmstore.OrderStore:
        opened.append(pmstore.open_order_store("memory://"))
        return opened[0]

    pmstore.register(
        Backend(
            name="own",
            schemes=(scheme,),
            config=lambda url: url,
            contracts={"orders": orders, "snapshots": lambda config: Unreachable()},  # type: ignore[typeddict-item, return-value]
        )
    )
    environ = {
        "PMSTORE_ORDERS_URL": f"{scheme}://",
        "PMSTORE_TRADES_URL": "memory://",
        "PMSTORE_SNAPSHOTS_URL": f"{scheme}://",
    }
    with pytest.raises(pmstore.StoreUnavailable, match="nobody answers"):
        async with pmstore.open_stores(environ=environ):
            raise AssertionError("it must not open")
    with pytest.raises(StoreClosed):
        await opened[0].get(["absent"])


async def test_an_open_stack_of_orders_is_not_opened_once_more(tmp_path: Path) -> None:
    orders = pmstore.open_order_store(f"memory:// > sqlite:///{tmp_path}/orders.db")
    async with orders:
        with pytest.raises(StoreClosed, match="open already"):
            await orders.__aenter__()
        assert await orders.get(["absent"]) == {}
    async with orders:
        assert await orders.get(["absent"]) == {}


async def test_an_open_stack_of_trades_is_not_opened_once_more(tmp_path: Path) -> None:
    trades = pmstore.open_trade_store(f"memory://?recent=9 > sqlite:///{tmp_path}/trades.db")
    async with trades:
        with pytest.raises(StoreClosed, match="open already"):
            await trades.__aenter__()
        assert (await trades.find(pmstore.TradeQuery())).items == ()
    async with trades:
        assert (await trades.find(pmstore.TradeQuery())).items == ()
