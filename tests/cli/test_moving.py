"""`copy` moves records and proves it; `prune` and `wipe` delete what they say and no more."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import pmstore
from pmstore.backends.memory import MemoryOrderStore, MemoryTradeStore
from pmstore.cli.exits import Exit
from pmstore.testing import samples
from pmstore.testing.servers import PostgresServer, RedisServer
from tests.cli.kept import Kept
from tests.cli.running import document, lines, program, run


@pytest.fixture(autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    return home


async def fill(place: Kept, count: int = 2500) -> None:
    stores = place.stores
    async with stores["orders"] as orders, stores["trades"] as trades:
        await orders.save([samples.order(number) for number in range(count)])
        await trades.append([samples.trade(number) for number in range(count)])
    async with stores["accounts"] as accounts, stores["events"] as events:
        await accounts.save([samples.balance(f"user_{n}", "cash") for n in range(10)])
        await events.save([(samples.event(number), 5) for number in range(3)])
    async with stores["snapshots"] as snapshots:
        for number in (1, 2):
            await snapshots.save(samples.snapshot(number))


@pytest.fixture
def kept() -> Kept:
    place = Kept()
    asyncio.run(fill(place))
    return place


def test_all_that_one_place_has_and_the_other_keeps_is_copied_and_the_same(
    kept: Kept, state_home: Path
) -> None:
    target = Kept()
    found = document("copy", kept.url, target.url)
    assert {one["contract"]: one["copied"] for one in found} == {
        "events": 3,
        "accounts": 10,
        "orders": 2500,
        "trades": 2500,
        "snapshots": 2,
    }
    assert all(one["same"] and one["from_digest"] == one["to_digest"] for one in found)
    assert lines("find", target.url, "--all") == lines("find", kept.url, "--all")
    assert document("copy", kept.url, target.url) == found
    assert not any(path.is_file() for path in state_home.rglob("*"))


def test_a_ledger_that_is_left_behind_is_said(tmp_path: Path) -> None:
    source, target = (f"sqlite:///{tmp_path}/{name}.db" for name in ("from", "to"))

    async def fill_both() -> None:
        async with (
            pmstore.open_account_store(source) as accounts,
            pmstore.open_ledger_store(source) as ledger,
        ):
            await accounts.save([samples.balance("user_1", "cash")])
            await ledger.append([samples.entry(1), samples.entry(2)])

    asyncio.run(fill_both())
    result = run("copy", source, target)
    assert "the 2 lines of the ledger are not copied" in result.stderr
    assert "accounts" in result.stdout


def test_digests_do_not_depend_on_the_backend(kept: Kept, tmp_path: Path) -> None:
    file = f"file:{tmp_path}/trades.log"
    there = document("copy", kept.url, file, "-c", "trades")
    back = Kept()
    returned = document("copy", file, back.url, "-c", "trades")
    assert there[0]["same"]
    assert returned[0]["from_digest"] == there[0]["from_digest"]
    assert document("audit", "verify", f"{tmp_path}/trades.log")["count"] == 2500
    assert document("copy", kept.url, f"file:{tmp_path}/store", "-c", "snapshots")[0]["same"]


def test_what_differs_is_named_and_told_by_the_exit_code(kept: Kept) -> None:
    target = Kept()

    async def spoil() -> None:
        async with target.orders:
            await target.orders.save([samples.order(7, price=1), samples.order(90_000)])
            await target.orders.remove([("order_9", 1)])

    asyncio.run(spoil())
    (found,) = document("copy", kept.url, target.url, "-c", "orders", code=Exit.DAMAGED)
    assert (found["missing"], found["foreign"], found["different"]) == (1, 1, 1)
    assert not found["same"]
    told = run("copy", kept.url, target.url, "-c", "orders", code=Exit.DAMAGED).stderr
    assert "order_7 differs" in told
    assert "order_9 is missing in the copy" in told
    assert "order_90000 is only in the copy" in told


class Counting(MemoryOrderStore):
    """Says which cursors were asked for, and breaks down after some of them."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str | None] = []
        self.breaks_after: int | None = None

    async def find(self, query: pmstore.OrderQuery, /) -> pmstore.Page[pmstore.Order]:
        self.asked.append(query.after)
        if self.breaks_after is not None and len(self.asked) > self.breaks_after:
            raise pmstore.StoreUnavailable("the server went away")
        return await super().find(query)


def test_a_copy_that_was_stopped_goes_on_where_it_was() -> None:
    source, target = Kept(orders=Counting()), Kept()
    asyncio.run(fill(source, 5000))
    source.orders.breaks_after = 3
    run("copy", source.url, target.url, "-c", "orders", code=Exit.UNAVAILABLE)
    assert source.orders.asked[0] is None
    stopped_at = source.orders.asked[3]
    source.orders.breaks_after = None
    source.orders.asked.clear()
    assert document("copy", source.url, target.url, "-c", "orders")[0]["same"]
    # The rest of the copy; the comparison begins again at the beginning.
    assert source.orders.asked[0] == stopped_at
    assert source.orders.asked.index(None) == 2

    source.orders.breaks_after, source.orders.asked = 3, []
    run("copy", source.url, target.url, "-c", "orders", code=Exit.UNAVAILABLE)
    source.orders.breaks_after, source.orders.asked = None, []
    document("copy", source.url, target.url, "-c", "orders", "--restart")
    assert source.orders.asked[0] is None


def test_the_same_words_in_another_folder_are_another_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = Kept(orders=Counting()), Kept()
    asyncio.run(fill(source, 3000))
    source.orders.breaks_after = 2
    run("copy", source.url, target.url, "-c", "orders", code=Exit.UNAVAILABLE)
    source.orders.breaks_after, source.orders.asked = None, []
    monkeypatch.chdir(tmp_path)
    document("copy", source.url, target.url, "-c", "orders")
    assert source.orders.asked[0] is None


def test_a_copy_whose_state_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    source, target, state = Kept(orders=Counting()), Kept(), tmp_path / "state"
    asyncio.run(fill(source, 3000))
    words = (source.url, target.url, "-c", "orders", "--state", str(state))
    source.orders.breaks_after = 2
    run("copy", *words, code=Exit.UNAVAILABLE)
    (state / "orders" / "orders.json").write_bytes(b"")
    source.orders.breaks_after, source.orders.asked = None, []
    assert document("copy", *words)[0]["same"]
    assert source.orders.asked[0] is None


@pytest.mark.crash
def test_a_killed_copy_goes_on_and_ends_the_same(tmp_path: Path, state_home: Path) -> None:
    count = 30_000
    source, target = f"file:{tmp_path}/from.log", f"file:{tmp_path}/to.log"

    async def fill_log() -> None:
        async with pmstore.open_trade_store(f"{source}?fsync=never") as trades:
            for first in range(0, count, 5000):
                await trades.append([samples.trade(n) for n in range(first, first + 5000)])

    asyncio.run(fill_log())
    words = ("copy", source, target, "-c", "trades", "--json")
    kills = 0
    for phase in ("size", "left"):
        running = program(*words, env=os.environ | {"XDG_STATE_HOME": str(state_home)})
        deadline = time.monotonic() + 60
        while running.poll() is None and time.monotonic() < deadline:
            noted: dict[str, Any] = {}
            for path in state_home.rglob("trades.json"):
                noted = json.loads(path.read_bytes())
            if phase in noted:
                running.send_signal(signal.SIGKILL)
                kills += 1
                break
        running.communicate(timeout=60)
    assert kills == 2, "the copy was over before it could be killed"
    (found,) = document("copy", source, target, "-c", "trades")
    assert found["same"]
    assert found["copied"] == count
    assert document("audit", "verify", f"{tmp_path}/to.log")["count"] == count


def test_a_place_that_keeps_only_the_recent_part_is_no_source_and_no_target(kept: Kept) -> None:
    recent = Kept(trades=MemoryTradeStore(recent=10))
    for words in ((kept.url, recent.url), (recent.url, kept.url)):
        told = run("copy", *words, "-c", "trades", code=Exit.UNUSABLE).stderr
        assert "keeps only the recent part" in told


def test_a_copy_between_places_with_nothing_in_common_says_so(kept: Kept, tmp_path: Path) -> None:
    told = run("copy", f"file:{tmp_path}/absent", kept.url, code=Exit.UNUSABLE).stderr
    assert "--contract" in told
    run("copy", kept.url, code=Exit.USAGE)


def test_deployments_are_copied_by_their_env_files(kept: Kept, tmp_path: Path) -> None:
    target = Kept()
    for name, place in (("old", kept), ("new", target)):
        text = f"PMSTORE_ORDERS_URL={place.url}\nPMSTORE_TRADES_URL={place.url}\n"
        (tmp_path / f"{name}.env").write_text(text + f"PMSTORE_SNAPSHOTS_URL={place.url}\n")
    old, new = str(tmp_path / "old.env"), str(tmp_path / "new.env")
    found = document("copy", "--from-env-file", old, "--to-env-file", new)
    assert len(found) == 5
    assert document("copy", "--from-env-file", old, target.url, "-c", "orders")[0]["same"]


def test_prune_deletes_old_ended_orders_alone() -> None:
    place = Kept()

    async def save() -> None:
        ended = pmstore.OrderStatus.FILLED
        async with place.orders:
            await place.orders.save([samples.order(1, status=ended), samples.order(2)])
            await place.orders.save([samples.order(3, status=ended)])

    asyncio.run(save())
    before = str(samples.START_MS + 3)
    assert document("prune", place.url, "--before", before, "--dry-run")["found"] == 1
    assert document("prune", place.url, "--before", before)["deleted"] == 1
    assert [one["id"] for one in lines("find", place.url)] == ["order_2", "order_3"]
    run("prune", place.url, "--before", before, "-c", "accounts", code=Exit.UNUSABLE)
    run("prune", place.url, code=Exit.USAGE)


def test_an_audit_log_is_not_pruned_and_says_what_to_do(tmp_path: Path) -> None:
    url = f"file:{tmp_path}/trades.log"
    asyncio.run(_trade(url))
    told = run("prune", "-c", "trades", url, "--before", "1d", code=Exit.UNUSABLE).stderr
    assert "keeps every trade" in told
    assert document("prune", "-c", "trades", url, "--before", "1d", "--dry-run")["found"] == 1


async def _trade(url: str) -> None:
    async with pmstore.open_trade_store(url) as trades:
        await trades.append([samples.trade(1)])


def test_wipe_shows_first_and_deletes_only_our_own_files(tmp_path: Path) -> None:
    async def fill_files() -> None:
        await _trade(f"file:{tmp_path}/trades.log")
        async with pmstore.open_snapshot_store(f"file:{tmp_path}/store") as snapshots:
            await snapshots.save(samples.snapshot(1))
        async with pmstore.open_stream(f"file:{tmp_path}/streams", "store_stream") as stream:
            await stream.append([b"x"], epoch=3)

    asyncio.run(fill_files())
    (tmp_path / "store" / "notes.txt").write_text("mine")
    (tmp_path / "trades.log.md").write_text("mine")
    for name, kind in (("trades.log", "trades"), ("store", "snapshots"), ("streams", "streams")):
        url = f"file:{tmp_path}/{name}"
        shown = document("wipe", url, code=Exit.USAGE)
        assert shown[url.replace("file:", "file://")] == {kind: 1}
        assert (tmp_path / name).exists()
        assert document("wipe", url, "--yes")["wiped"]
        assert document("wipe", url, "--yes")[url.replace("file:", "file://")] == {}
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert left == ["store", "store/notes.txt", "trades.log.md"]


async def test_what_another_writes_is_not_wiped(tmp_path: Path) -> None:
    url = f"file:{tmp_path}/trades.log"
    async with pmstore.open_trade_store(url) as trades:
        await trades.append([samples.trade(1)])
        result = await asyncio.to_thread(run, "wipe", url, "--yes", code=Exit.UNAVAILABLE)
        assert "trades.log.lock is held by process" in result.stderr
        assert len((await trades.find(pmstore.TradeQuery())).items) == 1


def test_a_backend_without_upkeep_is_not_wiped(kept: Kept) -> None:
    assert "cannot be wiped" in run("wipe", kept.url, "--yes", code=Exit.UNUSABLE).stderr


def test_bench_measures_in_a_place_of_its_own(tmp_path: Path) -> None:
    url = f"file:{tmp_path}/trades.log"
    asyncio.run(_trade(url))
    words = ("bench", "-c", "trades", url, "--rounds", "1", "--calls", "3")
    rows = document(*words)
    assert {one["verb"] for one in rows} > {"append 1", "append 100"}
    assert all(one["records_per_second"] > 0 and one["times_memory"] > 0 for one in rows)
    assert len(lines("find", "-c", "trades", url, "--all")) == 1
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith("trades.log")]
    assert not [path for path in tmp_path.iterdir() if "bench" in path.name]
    assert document("bench", "memory://", "--rounds", "1", "--calls", "3")


def test_bench_refuses_a_backend_without_a_scratch_namespace(kept: Kept) -> None:
    told = run("bench", kept.url, code=Exit.UNUSABLE).stderr
    assert "no scratch namespace" in told
    run("bench", kept.url, "-c", "accounts", code=Exit.USAGE)


async def _fill_records(url: str, count: int) -> None:
    async with (
        pmstore.open_order_store(url) as orders,
        pmstore.open_trade_store(url) as trades,
        pmstore.open_account_store(url) as accounts,
        pmstore.open_event_store(url) as events,
        pmstore.open_snapshot_store(url) as snapshots,
    ):
        await orders.save([samples.order(number) for number in range(count)])
        await trades.append([samples.trade(number) for number in range(count)])
        # Ids that databases may sort and quote each in their own way.
        await accounts.save([samples.balance(id, "cash") for id in samples.GOOD_IDS])
        await orders.save([samples.order(count, id=id, user_id=id) for id in samples.GOOD_IDS])
        await events.save([(samples.event(number), 7) for number in range(30)])
        await snapshots.save(samples.snapshot(1))


def test_data_goes_round_through_every_backend_and_stays_the_same(
    tmp_path: Path, redis_server: RedisServer, postgres_server: PostgresServer
) -> None:
    name = f"round_{secrets.token_hex(4)}"
    sqlite = f"sqlite:///{tmp_path}/one.db"
    places = [
        sqlite,
        f"{postgres_server.url}?schema={name}",
        f"{redis_server.url}?prefix={name}",
        f"sqlite:///{tmp_path}/two.db",
    ]
    asyncio.run(_fill_records(sqlite, 1500))
    digests = []
    for source, target in pairwise(places):
        found = document("copy", source, target)
        assert all(one["same"] for one in found), found
        digests.append({one["contract"]: one["from_digest"] for one in found})
    assert digests[0].keys() == {"orders", "trades", "accounts", "events", "snapshots"}
    assert digests[1:] == digests[:-1]
    for place in places[1:]:
        shown = document("wipe", place, code=Exit.USAGE)
        (counts,) = (value for name, value in shown.items() if name != "wiped")
        assert counts["orders"] == 1500 + len(samples.GOOD_IDS)
        document("prune", place, "-c", "trades", "--before", str(samples.START_MS + 500))
        left = lines("find", "-c", "trades", place, "--all")
        assert [one["trade_id"] for one in left] == list(range(1499, 499, -1))
        assert document("wipe", place, "--yes")["wiped"]
        assert document("wipe", place, code=Exit.USAGE).keys() == shown.keys()
        assert (
            sum(map(len, (v for k, v in document("wipe", place, "--yes").items() if k != "wiped")))
            == 0
        )
    assert len(lines("find", "-c", "trades", sqlite, "--all")) == 1500


def test_bench_runs_on_every_backend(
    tmp_path: Path, redis_server: RedisServer, postgres_server: PostgresServer
) -> None:
    for url in (
        f"sqlite:///{tmp_path}/one.db",
        postgres_server.url,
        redis_server.url,
        f"memory:// > {redis_server.url}?ttl_s=60 > {postgres_server.url}",
    ):
        rows = document("bench", url, "--rounds", "1", "--calls", "2")
        assert {one["verb"] for one in rows} > {"save 1", "get 1", "remove 1"}
        assert not any(one["id"].startswith("bench_") for one in lines("find", url, code=None))
