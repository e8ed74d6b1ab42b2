"""The snapshot file that the source prints: it starts an empty log, and only that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from structlog.testing import capture_logs

from pmengine.commands import AmendOrder, CancelOrder, SubmitOrder, Tick
from pmengine.invariants import state_violations
from pmengine.services.recovery import CannotStart
from pmstore import OrderType, Position, Side, Symbol, Trade
from pmstore.backends.file import FileSnapshotStore, FileStream
from pmstore.testing import ManualClock
from tests.codec.examples import SOURCE_SNAPSHOT
from tests.services.rig import batches_of, engine_on, recover_on

END_MS = 1_704_110_400_000
PRINTED = SOURCE_SNAPSHOT
"""As it is printed: its order names a token that its market does not have."""
LISTED = PRINTED.replace("token_123", "token_yes")
"""The same with an order of the market."""


def write(folder: Path, text: str) -> None:
    (folder / "store").mkdir()
    (folder / "store" / "orders_snapshot.json").write_text(text, encoding="utf-8")


async def test_its_orders_are_served_on_an_empty_log(tmp_path: Path) -> None:
    write(tmp_path, LISTED)
    clock = ManualClock(END_MS - 1000)
    async with (
        FileStream(tmp_path / "log", clock=clock) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
    ):
        found = await recover_on(log, snapshots, clock=clock)
        assert found.state.orders.keys() == {"order_123"}
        assert found.adopted is not None
        await snapshots.save(found.adopted)
        async with engine_on(log, snapshots, clock=clock, ledger=False) as engine:
            sale = SubmitOrder(
                order_id="sale",
                symbol=Symbol(1, 1, "token_yes"),
                side=Side.SELL,
                order_type=OrderType.LIMIT,
                user_id="ann",
                quantity=30,
                price=4_000,
            )
            await engine.take([sale])
            assert engine.state.orders["order_123"].remaining_quantity == 70
            await engine.take([CancelOrder(order_id="order_123", user_id="user_456")])
            assert not engine.state.orders
            digest = engine.service.engine.state_digest()
        facts = [fact for _, batch in await batches_of(log) for fact in batch.changes]
        trades = [fact for fact in facts if isinstance(fact, Trade)]
        assert [(one.price, one.quantity) for one in trades] == [(5_000, 30)]
        again = await recover_on(log, snapshots, clock=clock)
        assert again.state.digest() == digest


async def test_what_users_are_told_is_counted_from_the_beginning(tmp_path: Path) -> None:
    """A browser counts to 2^53; the position of another system's last message is beyond it."""
    write(tmp_path, LISTED)
    clock = ManualClock(END_MS - 1000)
    async with (
        FileStream(tmp_path / "log", clock=clock) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
        engine_on(log, snapshots, clock=clock, ledger=False) as engine,
    ):
        before = engine.state.user_update_ids["user_456"]
        amend = AmendOrder(order_id="order_123", user_id="user_456", price=4_000)
        await engine.take([amend])
        assert engine.state.orders["order_123"].version == before + 1 == 2
        assert engine.state.user_update_ids["user_456"] == 2


async def test_of_several_the_newest_counts_for_whoever_begins_with_the_oldest_of_ours(
    tmp_path: Path,
) -> None:
    """Or history would show orders as open that had ended before our first entry."""
    write(tmp_path, LISTED)
    clock = ManualClock(END_MS - 1000)
    async with (
        FileStream(tmp_path / "log", clock=clock) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
    ):
        first = await snapshots.load()
        assert first is not None
        later = Position(END_MS + 1, 0)
        newest = attrs.evolve(first, orders=(), timestamp=END_MS + 1, last_message_id=later)
        await snapshots.save(newest)
        assert len(await snapshots.list()) == 2
        for _ in range(2):
            found = await recover_on(log, snapshots, clock=clock, oldest=True)
            assert not found.state.orders
            adopted = (await recover_on(log, snapshots, clock=clock)).adopted
            if adopted is not None:
                await snapshots.save(adopted)


async def test_it_is_not_taken_on_a_log_with_entries(tmp_path: Path) -> None:
    clock = ManualClock(END_MS - 1000)
    async with (
        FileStream(tmp_path / "log", clock=clock) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
    ):
        async with engine_on(log, snapshots, clock=clock) as engine:
            await engine.take([Tick()])
            await engine.take([Tick()])
        (tmp_path / "store" / "orders_snapshot.json").write_text(LISTED, encoding="utf-8")
        found = await recover_on(log, snapshots, clock=clock)
        assert (found.snapshot, found.folded) == (None, 2)
        assert not found.state.orders


async def test_on_a_trimmed_log_it_does_not_stand_in_for_ours(tmp_path: Path) -> None:
    clock = ManualClock(END_MS - 1000)
    async with (
        FileStream(tmp_path / "log", clock=clock, segment_bytes_max=1024) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
    ):
        async with engine_on(log, snapshots, clock=clock) as engine:
            for _ in range(20):
                await engine.take([Tick()])
        await log.trim((await batches_of(log))[-1][0].id)
        (tmp_path / "store" / "orders_snapshot.json").write_text(LISTED, encoding="utf-8")
        with pytest.raises(CannotStart, match="is foreign and the log is not empty"):
            await recover_on(log, snapshots, clock=clock)


async def test_an_event_that_has_ended_is_left_out_with_its_orders(tmp_path: Path) -> None:
    write(tmp_path, LISTED)
    clock = ManualClock(END_MS)
    async with (
        FileStream(tmp_path / "log", clock=clock) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
    ):
        with capture_logs() as logged:
            found = await recover_on(log, snapshots, clock=clock)
        assert not found.state.orders
        assert not found.state.events
        [told] = [line for line in logged if line["event"] == "foreign_events_left_out"]
        assert (told["events"], told["orders"]) == ([1], 1)


async def test_an_order_of_a_token_that_its_market_has_not_stops_the_start(tmp_path: Path) -> None:
    write(tmp_path, PRINTED)
    clock = ManualClock(END_MS - 1000)
    async with (
        FileStream(tmp_path / "log", clock=clock) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
    ):
        reason = "order_123 names token token_123, its market has token_yes and token_no"
        with pytest.raises(CannotStart, match=reason):
            await recover_on(log, snapshots, clock=clock)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"side": "Sell", "price": 4_000}, "best bid 5000 meets best ask 4000"),
        ({"price": 5_000, "token": "token_no"}, "best bid 5000 meets best ask 5000"),
        ({"price": 5}, "order other: price 5"),
        ({"order_type": "Market", "price": 4_000}, "order other: a market order rests"),
        ({"status": "PartiallyFilled"}, "order other: is PartiallyFilled with 0 filled"),
    ],
)
async def test_orders_that_cannot_stand_on_one_ladder_stop_the_start(
    tmp_path: Path, other: dict[str, Any], reason: str
) -> None:
    """The engines that wrote such files have left crossed books behind."""
    document = json.loads(LISTED)
    [group] = document["snapshots"]
    order = group["orders"][0] | {"id": "other", "order_num": 2, "user_id": "ann"}
    order["symbol"] = order["symbol"] | {"token_id": other.pop("token", "token_yes")}
    group["orders"].append(order | other)
    write(tmp_path, json.dumps(document))
    clock = ManualClock(END_MS - 1000)
    async with (
        FileStream(tmp_path / "log", clock=clock) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
    ):
        with pytest.raises(CannotStart, match=reason):
            await recover_on(log, snapshots, clock=clock)


async def test_a_token_of_two_markets_stops_the_start(tmp_path: Path) -> None:
    document = json.loads(LISTED)
    markets = document["events"]["1"]["markets"]
    markets["2"] = markets["1"] | {"id": 2, "token_ids": ["token_yes", "token_other"]}
    write(tmp_path, json.dumps(document))
    clock = ManualClock(END_MS - 1000)
    async with (
        FileStream(tmp_path / "log", clock=clock) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
    ):
        with pytest.raises(CannotStart, match="token token_yes is of market 1/1 and of 1/2"):
            await recover_on(log, snapshots, clock=clock)


async def test_orders_of_several_counters_are_numbered_anew_in_their_order(tmp_path: Path) -> None:
    document = json.loads(LISTED)
    [group] = document["snapshots"]
    order = group["orders"][0]
    said = [("c", 0, 9), ("b", 1, 8), ("a", 1, 7), ("d", 4, 6)]
    group["orders"] = [
        order | {"id": id, "order_num": number, "timestamp": time} for id, number, time in said
    ]
    write(tmp_path, json.dumps(document))
    clock = ManualClock(END_MS - 1000)
    async with (
        FileStream(tmp_path / "log", clock=clock) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
    ):
        state = (await recover_on(log, snapshots, clock=clock)).state
        numbers = [(one.id, one.order_num) for one in state.orders.values()]
        assert numbers == [("c", 1), ("a", 2), ("b", 3), ("d", 4)]
        assert state.order_counter == 4
        assert not state_violations(state, ledger=False)


async def test_the_file_as_it_is_printed_starts_once_its_event_has_ended(tmp_path: Path) -> None:
    write(tmp_path, PRINTED)
    clock = ManualClock(END_MS)
    async with (
        FileStream(tmp_path / "log", clock=clock) as log,
        FileSnapshotStore(tmp_path / "store") as snapshots,
        engine_on(log, snapshots, clock=clock) as engine,
    ):
        await engine.take([Tick()])
        assert not engine.state.orders
