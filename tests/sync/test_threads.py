"""One loop serves all threads, ends with the last store, and Ctrl-C ends the call that waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import pmstore
import pmstore.sync
from pmstore import Position, StoreClosed
from pmstore.testing import samples


def loop_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "pmstore"]


def test_a_store_is_used_without_await(tmp_path: Path) -> None:
    with pmstore.sync.open_trade_store(f"file:{tmp_path}/trades.log") as trades:
        trades.append([samples.trade(1), samples.trade(2)])
        assert [one.trade_id for one in trades.find(pmstore.TradeQuery()).items] == [2, 1]
        assert trades.coverage.is_all
    with pmstore.sync.open_trade_store(f"file:{tmp_path}/trades.log") as trades:
        assert pmstore.sync.queries.recent(trades, 1) == (samples.trade(2),)


def test_the_thread_lives_as_long_as_a_store_is_open() -> None:
    assert loop_threads() == []
    with pmstore.sync.open_order_store("memory://"):
        with pmstore.sync.open_trade_store("memory://"):
            assert len(loop_threads()) == 1
        assert len(loop_threads()) == 1
    assert loop_threads() == []


def test_a_store_that_cannot_open_leaves_no_thread(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(pmstore.StoreUnavailable),
        pmstore.sync.open_snapshot_store(f"file:{tmp_path}/file/x"),
    ):
        pytest.fail("it must not open")
    assert loop_threads() == []


def test_outside_of_with_a_store_is_closed() -> None:
    orders = pmstore.sync.open_order_store("memory://")
    with pytest.raises(StoreClosed):
        orders.get(["a"])
    with orders:
        assert orders.get(["a"]) == {}
        with pytest.raises(StoreClosed, match="open already"):
            orders.__enter__()
    orders.__exit__(None, None, None)
    with pytest.raises(StoreClosed):
        orders.get(["a"])


def test_a_stack_is_read_through_its_caches_or_freshly(tmp_path: Path) -> None:
    url = f"memory:// > sqlite:///{tmp_path}/orders.db"
    options = pmstore.LayerOptions(cache_max_age_s=60)
    with pmstore.sync.open_order_store(url, options=options) as orders:
        orders.save([samples.order(1)])
        assert orders.get(["order_1"]) == orders.get(["order_1"], fresh=True)
    with pmstore.sync.open_order_store(f"sqlite:///{tmp_path}/orders.db") as orders:
        assert orders.get(["order_1"], fresh=True) == {"order_1": samples.order(1)}


def test_many_threads_use_one_store() -> None:
    with (
        pmstore.sync.open_order_store("memory://") as orders,
        ThreadPoolExecutor(8) as threads,
    ):
        list(threads.map(lambda number: orders.save([samples.order(number)]), range(200)))
        found = list(pmstore.sync.queries.all(orders, pmstore.OrderQuery(limit=7)))
        assert [one.order_num for one in found] == list(range(200))


def test_leaving_a_store_ends_a_call_that_waits_in_another_thread() -> None:
    with (
        ThreadPoolExecutor(1) as threads,
        pmstore.sync.open_stream("memory://", "store_stream") as stream,
    ):
        began = threading.Event()

        def read() -> object:
            began.set()
            return stream.read(pmstore.START, 1, 60.0)

        waiting = threads.submit(read)
        assert began.wait(10)
        stream.__exit__(None, None, None)
        with pytest.raises(pmstore.PmstoreError):
            waiting.result(timeout=30)


def test_positions_are_reached_where_the_store_has_them() -> None:
    with pmstore.sync.open_order_store("memory://") as orders:
        segment = pmstore.sync.positioned(orders)
        assert segment is not None
        where = Position(1, 0)
        applied = segment.apply([samples.order(1)], source="s", position=where)
        assert applied is pmstore.Applied.APPLIED
        assert segment.position("s") == where
    with pytest.raises(StoreClosed):
        segment.position("s")
    with pmstore.sync.open_event_store("memory://") as events:
        assert pmstore.sync.positioned(events) is None


def test_a_deployment_opens_without_await(tmp_path: Path) -> None:
    environ = {
        "DATA_DIR": str(tmp_path),
        "PMSTORE_ORDERS_URL": "memory://",
        "PMSTORE_TRADES_URL": f"file:{tmp_path}/trades.log",
        "PMSTORE_STREAMS_URL": "memory://",
    }
    with pmstore.sync.open_stores(environ=environ) as stores:
        stores.orders.save([samples.order(1)])
        stores.trades.append([samples.trade(1)])
        assert stores.snapshots.load() is None
        assert stores.open_accounts().get([]) == {}
        assert stores.open_events().get([]) == {}
        stream = stores.open_stream("store_stream")
        last = stream.append([b"x"])
        assert [one.id for one in stores.open_consumers("store_stream").read("g", "a", 1)] == [last]
        assert stores.open_lease().acquire("engine", 10) == 1
        assert str(stores.settings.orders) == "memory://"
    with pytest.raises(StoreClosed):
        stores.orders.get(["order_1"])
    with pytest.raises(StoreClosed):
        stores.open_lease()
    assert loop_threads() == []


CTRL_C = """
import os, signal, threading
import pmstore, pmstore.sync

with pmstore.sync.open_stream("memory://", "store_stream") as stream:
    # As soon as the main thread waits on the loop; the signal comes to it alone.
    def press():
        while not any(one.name == "pmstore" for one in threading.enumerate()):
            pass
        os.kill(os.getpid(), signal.SIGINT)
    threading.Timer(0.3, press).start()
    try:
        stream.read(pmstore.START, 1, 60.0)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    stream.append([b"x"])
    print(len(stream.read(pmstore.START, 10)), flush=True)
print("closed", flush=True)
"""


def test_ctrl_c_ends_the_call_and_the_store_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["interrupted", "1", "closed"], done.stderr
    assert done.returncode == 0


FORK = """
import os, sys
import pmstore, pmstore.sync

with pmstore.sync.open_order_store("memory://") as orders:
    child = os.fork()
    if child == 0:
        try:
            orders.get(["a"])
        except pmstore.StoreClosed as error:
            print(error, flush=True)
        with pmstore.sync.open_order_store("memory://") as own:
            print(own.get(["a"]), flush=True)
        orders.__exit__(None, None, None)
        os._exit(0)
    os.waitpid(child, 0)
    print(orders.get(["b"]), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_after_a_fork_the_child_opens_its_own_stores() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told, own, parent = done.stdout.splitlines()
    assert "fork" in told
    assert "open it again" in told
    assert (own, parent) == ("{}", "{}")


def test_a_call_from_the_loop_itself_is_refused_instead_of_waiting_for_itself() -> None:
    orders = pmstore.sync.open_order_store("memory://")

    class Calling:
        limits, coverage = pmstore.Limits(), pmstore.ALL

        async def __aenter__(self) -> None:
            with pytest.raises(RuntimeError, match="its own loop"):
                orders.get(["a"])

        async def __aexit__(self, *exc: object) -> None:
            """Nothing to close."""

    with orders, pmstore.sync.OrderStore(Calling()):  # type: ignore[arg-type]
        assert orders.get(["a"]) == {}


def test_signals_reach_the_main_thread_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pmstore.sync.open_order_store("memory://"):
        assert signal.getsignal(signal.SIGINT) is before
