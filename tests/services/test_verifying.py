"""What an exchange wrote is found right; and each thing that a bug falsifies, by its law."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pytest

from pmengine.assembly import open_exchange
from pmengine.commands import CancelOrder
from pmengine.invariants import Law, following
from pmengine.services.verifying import CannotBegin
from pmengine.settings import Settings
from pmstore import (
    CASH,
    Balance,
    Batch,
    Change,
    Counters,
    MarketUpdateId,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderUpdated,
    Paused,
    Remembered,
    Side,
    Trade,
)
from pmstore.settings import StorageSettings
from tests.services.rewriting import (
    COMMANDS,
    entries_of,
    rewrite,
    trade_into,
    use_everything,
    verified,
    verifier_of,
    write_log,
)
from tests.services.rig import DEADLINE_S
from tests.services.test_foreign_snapshot import LISTED

C = TypeVar("C")


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an exchange that ran twice and stopped."""
    folder = tmp_path_factory.mktemp("traded") / "data"
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(trade_into(folder))).result()
    return folder


@pytest.fixture
def data(traded: Path, tmp_path: Path) -> Path:
    """A copy of it, to be falsified."""
    return Path(shutil.copytree(traded, tmp_path / "data"))


async def test_what_an_exchange_wrote_keeps_every_law(data: Path) -> None:
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    report = await verified(data, complete_every=7)
    assert report.breaches == []
    assert report.began_with == "the log's first entry"
    assert report.entries == report.number == len(await entries_of(data))
    assert report.commands >= COMMANDS
    assert report.complete_checks == 2 + report.entries // 7
    assert report.compared["snapshots"] == 2
    assert report.compared["store_records"] > COMMANDS
    after = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    ours = {path for path in before if not path.name.endswith(("-wal", "-shm"))}
    assert {path: after[path] for path in ours} == {path: before[path] for path in ours}


async def test_everything_that_an_exchange_can_do_keeps_every_law(tmp_path: Path) -> None:
    await use_everything(tmp_path)
    whole = await verified(tmp_path)
    assert whole.breaches == []
    assert whole.compared["snapshots"] == 1
    assert whole.compared["store_records"] > 30
    async with open_exchange(Settings(storage=StorageSettings(data_dir=tmp_path), verify="stop")):
        pass
    assert (await verified(tmp_path, at="oldest")).breaches == []


@pytest.mark.parametrize("where", ["oldest", "newest", "number"])
async def test_it_begins_at_any_snapshot(where: str, data: Path) -> None:
    whole = await verified(data)
    number = (await verified(data, at="oldest")).began_after
    report = await verified(data, at=str(number) if where == "number" else where)
    assert report.breaches == []
    assert 0 < report.began_after <= whole.number
    assert report.entries == whole.number - report.began_after
    assert (report.entries == 0) == (where == "newest")
    assert report.compared["store_records"] > 0


@pytest.mark.parametrize("turns", range(6))
async def test_a_follower_stops_between_two_entries(
    turns: int, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "COMMANDS_BETWEEN_RESTS", 3)
    loop = asyncio.get_running_loop()

    def advanced(_: int) -> None:
        if verifier.place.number == 20:
            stop_after(turns)

    def stop_after(turns: int) -> None:
        if turns:
            loop.call_soon(stop_after, turns - 1)
        else:
            verifier.stop()

    async with verifier_of(data, advanced=advanced) as (verifier, through):
        report = await verifier.run()
    assert report.breaches == []
    assert 20 <= report.number < through


async def test_stores_in_the_middle_of_their_first_write_are_not_compared(data: Path) -> None:
    with sqlite3.connect(data / "pmstore.db") as database:
        database.execute("DELETE FROM orders")
        database.execute("DELETE FROM balances")
        database.execute("DELETE FROM sources WHERE store IN ('orders', 'accounts')")
    report = await verified(data)
    assert report.breaches == []
    assert "stores: they do not say how far they have had the log" in report.notes


async def test_a_place_that_is_not_there_is_said_with_those_that_are(data: Path) -> None:
    with pytest.raises(CannotBegin, match="there are snapshots at"):
        await verified(data, at="12345")
    with pytest.raises(CannotBegin, match="nothing was ever written"):
        await verified(data / "elsewhere")


# -- a writer with a bug ---------------------------------------------------------------------


def places(batches: list[Batch], kind: type[C]) -> Iterator[tuple[list[Change], int, C]]:
    """Every change of a kind, with the list and index that it stands at; the setup left out."""
    for batch in batches:
        for index, change in enumerate(batch.changes):
            if isinstance(change, kind) and batch.number > 8:
                yield batch.changes, index, change


def falsify(
    kind: type[Any],
    new: Callable[[Any], dict[str, Any]],
    when: Callable[[Any], bool] = lambda _: True,
) -> Callable[[list[Batch]], None]:
    """Change the fields of the first fact of a kind."""

    def change(batches: list[Batch]) -> None:
        for changes, index, fact in places(batches, kind):
            if when(fact):
                changes[index] = attrs.evolve(fact, **new(fact))
                return
        raise AssertionError(f"there is no such {kind.__name__}")

    return change


def drop(
    kind: type[Any], when: Callable[[Any], bool] = lambda _: True
) -> Callable[[list[Batch]], None]:
    """Leave out the first fact of a kind."""

    def change(batches: list[Batch]) -> None:
        changes, index, _ = next(one for one in places(batches, kind) if when(one[2]))
        del changes[index]

    return change


def insert(before: type[Any], fact: Change) -> Callable[[list[Batch]], None]:
    """Say a fact that did not happen before the first of a kind."""

    def change(batches: list[Batch]) -> None:
        changes, index, _ = next(places(batches, before))
        changes.insert(index, fact)

    return change


def swap_makers(batches: list[Batch]) -> None:
    """Let a taker meet its second maker first."""
    for batch in batches:
        trades = [
            (index, change)
            for index, change in enumerate(batch.changes)
            if isinstance(change, Trade)
        ]
        for (index, one), (next_index, other) in itertools.pairwise(trades):
            if one.taker_order_id == other.taker_order_id:
                batch.changes[index] = attrs.evolve(other, trade_id=one.trade_id)
                batch.changes[next_index] = attrs.evolve(one, trade_id=other.trade_id)
                return
    raise AssertionError("no taker met two makers")


def give_to_another(batches: list[Batch]) -> None:
    """Let two users get each other's money: nothing is lost, and both are wrong."""
    for batch in batches:
        rows = [
            (index, change)
            for index, change in enumerate(batch.changes)
            if isinstance(change, Balance) and change.asset == CASH
        ]
        for (index, row), (next_index, next_row) in itertools.pairwise(rows):
            if row.user_id != next_row.user_id and row.available > 1000 and batch.number > 8:
                batch.changes[index] = attrs.evolve(row, available=row.available - 1)
                taken = attrs.evolve(next_row, available=next_row.available + 1)
                batch.changes[next_index] = taken
                return


def frozen_buy(row: Balance) -> bool:
    return row.asset == CASH and row.frozen > 0


def rests_far_away(fact: OrderCreated) -> bool:
    return fact.order.side is Side.BUY and not fact.order.filled_quantity


BUGS: list[tuple[str, Law, Callable[[list[Batch]], None]]] = [
    (
        "the maker trades at another price",
        Law.TRADE_PRICE,
        falsify(Trade, lambda trade: {"maker_price": trade.maker_price + 1}),
    ),
    (
        "the taker pays more than its limit",
        Law.TRADE_PRICE,
        falsify(
            Trade,
            lambda trade: {
                "price": 9_990 if trade.side is Side.BUY else 10,
            },
        ),
    ),
    (
        "another match type",
        Law.TRADE_PARTIES,
        falsify(Trade, lambda trade: {"symbol": trade.maker_symbol, "side": trade.maker_side}),
    ),
    ("a trade without a number", Law.TRADE_NUMBERS, falsify(Trade, lambda _: {"trade_id": 0})),
    ("who came later trades first", Law.PRIORITY, swap_makers),
    ("a trade is lost", Law.FILLS, drop(Trade)),
    ("a maker's fill is lost", Law.FILLS, drop(OrderUpdated)),
    (
        "a fill twice",
        Law.FILLS,
        falsify(OrderUpdated, lambda fact: {"order": refilled(fact.order)}),
    ),
    (
        "money from nowhere",
        Law.HOLDINGS,
        falsify(Balance, lambda row: {"available": row.available + 1}),
    ),
    ("two users get each other's money", Law.HOLDINGS, give_to_another),
    (
        "price improvement stays frozen",
        Law.FROZEN,
        falsify(
            Balance,
            lambda row: {"available": row.available - 7, "frozen": row.frozen + 7},
            frozen_buy,
        ),
    ),
    ("a change of a balance is lost", Law.VERSIONS, drop(Balance)),
    (
        "a deposit counts twice",
        Law.MONEY,
        insert(OrderCreated, Counters(0, 10**15)),
    ),
    (
        "an order ends that nobody has",
        Law.LIFE,
        falsify(OrderCancelled, lambda fact: {"order_id": "sample-nobody"}),
    ),
    (
        "an order while everything is paused",
        Law.ADMISSION,
        insert(OrderCreated, Paused(True)),
    ),
    (
        "an order with a number from before",
        Law.QUEUE,
        falsify(
            OrderCreated,
            lambda fact: {"order": attrs.evolve(fact.order, order_num=1_024)},
            lambda fact: fact.order.order_num > 10_240,
        ),
    ),
    (
        "a cancelled order keeps more than it had",
        Law.QUANTITY,
        falsify(OrderCancelled, lambda fact: {"remaining_quantity": fact.remaining_quantity + 1}),
    ),
    (
        "an order that ended filled is told as cancelled",
        Law.STATUS,
        falsify(OrderFilled, lambda fact: {"remaining_quantity": 0, "filled_quantity": 0}),
    ),
    (
        "an order rests across the book",
        Law.CROSSED,
        falsify(
            OrderCreated,
            lambda fact: {"order": attrs.evolve(fact.order, price=9_980)},
            lambda fact: rests_far_away(fact) and fact.order.time_in_force.value == "gtc",
        ),
    ),
    (
        "a level is told wrong",
        Law.DEPTH,
        falsify(
            MarketUpdateId,
            lambda fact: {"bids": tuple((price, lots + 1) for price, lots in fact.bids)},
            lambda fact: bool(fact.bids),
        ),
    ),
    ("an update of a ladder is lost", Law.DEPTH, drop(MarketUpdateId)),
    (
        "a refused command did something",
        Law.REFUSED,
        falsify(
            Remembered,
            lambda _: {"outcome": "INSUFFICIENT_BALANCE"},
            lambda fact: fact.kind == "SubmitOrder",
        ),
    ),
]


def refilled(order: Any) -> Any:
    return attrs.evolve(
        order,
        filled_quantity=order.filled_quantity + 1,
        remaining_quantity=order.remaining_quantity - 1,
    )


@pytest.mark.parametrize(("bug", "law", "change"), BUGS, ids=[bug for bug, _, _ in BUGS])
async def test_a_writer_with_a_bug_is_caught_where_it_wrote(
    bug: str, law: Law, change: Callable[[list[Batch]], None], data: Path
) -> None:
    told: list[int] = []

    def remember(batches: list[Batch]) -> None:
        before = [list(batch.changes) for batch in batches]
        change(batches)
        told.extend(
            batch.number
            for batch, changes in zip(batches, before, strict=True)
            if batch.changes != changes
        )

    await rewrite(data, remember)
    report = await verified(data)
    assert len(told) == 1, "the bug shows in one entry"
    first = [one for one in report.breaches if one.number == report.breaches[0].number]
    assert first[0].number == told[0]
    assert law in {one.violation.law for one in first}, [str(one.violation) for one in first]
    assert all(one.violation.subject for one in report.breaches)


# -- a log that was changed ------------------------------------------------------------------


async def test_a_byte_that_was_changed_in_the_log_is_found(data: Path) -> None:
    entries = await entries_of(data)
    written = [(entry.id.ms, entry.payload) for entry in entries]
    ms, payload = written[9]
    written[9] = (ms, payload.replace(b'"changes"', b'"changed"'))
    await write_log(data, written)
    report = await verified(data)
    (breach,) = report.breaches
    assert (breach.violation.law, breach.number, breach.position) == (
        Law.ENTRY,
        10,
        entries[9].id,
    )
    assert report.ended_by_breach
    assert report.number == 9


async def test_an_entry_that_is_gone_is_found(data: Path) -> None:
    entries = await entries_of(data)
    written = [(entry.id.ms, entry.payload) for entry in entries]
    await write_log(data, written[:9] + written[10:])
    report = await verified(data)
    (breach,) = report.breaches
    assert (breach.violation.law, breach.number) == (Law.CHAIN, 10)
    assert "entry 11 follows entry 9" in str(breach.violation)


async def test_an_entry_of_another_history_is_found(data: Path) -> None:
    entries = await entries_of(data)
    await rewrite(data, falsify(Remembered, lambda fact: {"correlation_id": "another"}))
    other = await entries_of(data)
    at = next(i for i, (a, b) in enumerate(zip(entries, other, strict=True)) if a != b)
    mixed = [*entries[: at + 1], *other[at + 1 :]]
    await write_log(data, [(entry.id.ms, entry.payload) for entry in mixed])
    report = await verified(data)
    (breach,) = report.breaches
    assert (breach.violation.law, breach.number) == (Law.CHAIN, at + 2)


async def test_changes_that_cannot_be_followed_are_found(data: Path) -> None:
    await rewrite(
        data,
        falsify(
            Remembered, lambda _: {"kind": "Split", "content": (1,)}, lambda one: not one.repeat
        ),
    )
    report = await verified(data)
    assert report.breaches[0].violation.law is Law.ENTRY
    assert "cannot be followed: TypeError" in str(report.breaches[0].violation)


async def test_time_that_goes_back_is_found(data: Path) -> None:
    def change(batches: list[Batch]) -> None:
        batches[9] = attrs.evolve(batches[9], time=batches[8].time - 1)

    await rewrite(data, change)
    report = await verified(data)
    assert (report.breaches[0].violation.law, report.breaches[0].number) == (Law.FORWARD, 10)


async def test_a_log_that_lost_its_tail_and_went_on_is_bridged_by_the_snapshot(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    await trade_into(data)
    shutil.copytree(data / "streams", tmp_path / "backup")
    await trade_into(data, start=COMMANDS)
    shutil.rmtree(data / "streams")
    shutil.copytree(tmp_path / "backup", data / "streams")
    await trade_into(data, start=2 * COMMANDS)
    report = await verified(data)
    assert report.breaches == []
    assert len(report.notes) == 2
    assert "the log lost its tail" in report.notes[1]


async def test_an_exchange_that_took_up_another_producers_snapshot_is_verified(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    (data / "store").mkdir(parents=True)
    lasting = LISTED.replace("2024-01-01T12:00:00Z", "2999-01-01T12:00:00Z")
    (data / "store" / "orders_snapshot.json").write_text(lasting, encoding="utf-8")
    settings = Settings(storage=StorageSettings(data_dir=data), ledger=False)
    async with open_exchange(settings) as exchange:
        cancel = CancelOrder(order_id="order_123", user_id="user_456")
        assert (await exchange.front.send(cancel, DEADLINE_S)).refusal is None
    report = await verified(data, ledger=False)
    assert report.breaches == []
    assert report.entries == 1
    assert "at entry 0" in report.began_with


# -- what follows the log --------------------------------------------------------------------


def sql(data: Path, statement: str) -> None:
    with sqlite3.connect(data / "pmstore.db") as connection:
        assert connection.execute(statement).rowcount == 1
    connection.close()


async def test_a_snapshot_that_says_otherwise_is_found(data: Path) -> None:
    numbers = {"oldest": (await verified(data, at="oldest")).began_after}
    await rewrite(data, falsify(Remembered, lambda fact: {"correlation_id": "another"}))
    report = await verified(data)
    found = [one for one in report.breaches if one.violation.law is Law.SNAPSHOT]
    assert found[0].number == numbers["oldest"]
    assert all(one.violation.law is Law.SNAPSHOT for one in report.breaches)


@pytest.mark.parametrize(
    ("law", "said", "statement"),
    [
        (
            Law.ORDER_STORE,
            "another price (4321",
            "update orders set price = 4321 where id = (select max(id) from orders)",
        ),
        (
            Law.ORDER_STORE,
            "is not there",
            "delete from orders where id = (select min(id) from orders)",
        ),
        (
            Law.ACCOUNT_STORE,
            "another available (1, not",
            "update balances set available = 1 where user_id = 'trader-3' and asset = 'cash'",
        ),
        (
            Law.ACCOUNT_STORE,
            "the log says nothing is held",
            "insert into balances (user_id, asset, available, frozen, version) "
            "values ('nobody', 'cash', 5, 0, 1)",
        ),
    ],
)
async def test_a_store_that_says_otherwise_is_found(
    law: Law, said: str, statement: str, data: Path
) -> None:
    sql(data, statement)
    report = await verified(data)
    (breach,) = report.breaches
    assert breach.violation.law is law
    assert said in str(breach.violation)


async def test_what_was_written_when_a_crash_came_may_be_further_than_the_position(
    data: Path,
) -> None:
    place = (await entries_of(data))[-5].id
    with sqlite3.connect(data / "pmstore.db") as connection:
        behind = f"update sources set position = '{place.ms:020}-{place.seq:020}'"
        assert connection.execute(behind).rowcount > 0
    connection.close()
    report = await verified(data)
    assert report.breaches == []
    assert any(f"through {place}" in note for note in report.notes)
    assert report.compared["store_records"] > 0


async def test_a_trade_that_is_gone_from_the_trade_log_is_found(data: Path) -> None:
    lines = (data / "trades.log").read_bytes().splitlines(keepends=True)
    (data / "trades.log").write_bytes(b"".join([*lines[:5], *lines[6:]]))
    report = await verified(data)
    assert {one.violation.law for one in report.breaches} == {Law.TRADE_STORE}
