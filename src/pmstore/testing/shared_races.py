"""Laws of several clients at once that a contract has alone: removes, repeats, heads, leases."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from pmstore.errors import Conflict, Fenced
from pmstore.models.position import START, Entry, Position
from pmstore.protocols.lease import Lease
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.positioned import Applied
from pmstore.protocols.snapshot_store import SnapshotStore
from pmstore.protocols.store import Store
from pmstore.protocols.stream import Stream
from pmstore.protocols.trade_store import TradeStore
from pmstore.testing.cancellation import all_answers
from pmstore.testing.clause import Lawbook
from pmstore.testing.consumers_laws import ConsumedStream
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.rig import Trial
from pmstore.testing.samples import order, snapshot, trade
from pmstore.testing.subjects import Subject, orders, snapshots, trades
from pmstore.testing.two_clients import TwoClients

S = TypeVar("S", bound=Store)

_TTL_S = 60.0
_SOON_S = 10.0

order_book: Lawbook[OrderStore] = Lawbook("order_store")
trade_book: Lawbook[TradeStore] = Lawbook("trade_store")
snapshot_book: Lawbook[SnapshotStore] = Lawbook("snapshot_store")
stream_book: Lawbook[Stream] = Lawbook("stream")
lease_book: Lawbook[Lease] = Lawbook("lease")
consumers_book: Lawbook[ConsumedStream] = Lawbook("consumers")


@TwoClients(order_book).law()
async def removes_by_another_client_count_once(
    trial: Trial[OrderStore], one: OrderStore, other: OrderStore
) -> None:
    """Of removes by one client and another client at once exactly one finds the order there."""
    for number in range(10):
        pair = (f"order_{number}", 1)
        await one.save([order(number)])
        answers = await asyncio.gather(
            one.remove([pair]), other.remove([pair]), one.remove([pair]), other.remove([pair])
        )
        expect_equal(sorted(answers), [0, 0, 0, 1], "answers")
    await trial.expect_seen(lambda: orders.held(one), [], "what is left")


@TwoClients(trade_book).law()
async def trades_of_another_client_are_repeats(
    trial: Trial[TradeStore], one: TradeStore, other: TradeStore
) -> None:
    """A trade that one client and another client append at once is there once."""
    batches = [[trade(number) for number in range(at, at + 6)] for at in range(0, 60, 3)]
    await all_answers(client.append(batch) for batch in batches for client in (one, other))
    wanted = list(range(63))
    await trial.expect_seen(lambda: trades.held(one), wanted, "seen by the one")
    await trial.expect_seen(lambda: trades.held(other), wanted, "seen by the other")


@TwoClients(snapshot_book).law()
async def generations_of_another_client_have_names_of_their_own(
    trial: Trial[SnapshotStore], one: SnapshotStore, other: SnapshotStore
) -> None:
    """Generations saved by one client and another client at once stand side by side."""
    saved = await all_answers(
        (other if number % 2 else one).save(snapshot(number)) for number in range(8)
    )
    expect_equal(len({info.name for info in saved}), 8, "count of names")
    await trial.expect_seen(lambda: snapshots.held(one), list(range(8)), "seen by the one")
    await other.prune(2)
    await trial.expect_seen(lambda: _count(one), 2, "generations after pruning")


async def _count(store: SnapshotStore) -> int:
    return len(await store.list())


@TwoClients(stream_book).law()
async def of_appends_by_another_client_one_has_the_head(
    trial: Trial[Stream], one: Stream, other: Stream
) -> None:
    """Of appends by one client and another client that expect the same head one is written."""
    await one.append([b"start"])
    wanted = [b"start"]
    for turn in range(10):
        bounds = await one.bounds()
        assert bounds is not None
        head = bounds.last.head
        items = [b"%d-%d" % (turn, number) for number in range(4)]
        answers = await asyncio.gather(
            *(
                (other if at % 2 else one).append([item], expect_head=head)
                for at, item in enumerate(items)
            ),
            return_exceptions=True,
        )
        won = [item for item, said in zip(items, answers, strict=True) if isinstance(said, tuple)]
        lost = [said for said in answers if isinstance(said, Conflict)]
        expect_equal((len(won), len(lost)), (1, 3), f"winners and losers of {answers}")
        wanted += won
        found = [entry.payload for entry in await other.read(START, 100)]
        expect_equal(found, wanted, "payloads")


@TwoClients(stream_book).law()
async def the_epoch_of_another_client_fences(
    trial: Trial[Stream], one: Stream, other: Stream
) -> None:
    """After another client appended with an epoch, an append with a lower one is `Fenced`."""
    await one.append([b"a"], epoch=1)
    await other.append([b"b"], epoch=2)
    await expect_raises(Fenced, one.append([b"x"], epoch=1), "the old writer")
    await one.append([b"c"], epoch=3)
    await expect_raises(Fenced, other.append([b"x"], epoch=2), "the other's old writer")
    found = [entry.payload for entry in await one.read(START, 10)]
    expect_equal(found, [b"a", b"b", b"c"], "payloads")


@TwoClients(stream_book).law()
async def an_append_by_another_client_wakes(
    trial: Trial[Stream], one: Stream, other: Stream
) -> None:
    """A `read` that waits is answered when another client appends."""
    last = START
    for number in range(5):
        waiting = asyncio.ensure_future(one.read(last, 10, _SOON_S))
        # Whether the read waits already or not, it must come back with the entry.
        for _ in range(5 * number):
            await asyncio.sleep(0)
        last = await other.append([b"%d" % number])
        found = await waiting
        expect_equal(found, [Entry(last, b"%d" % number)], "what the reader was woken with")


@TwoClients(lease_book).law()
async def another_client_does_not_get_a_held_lease(
    trial: Trial[Lease], one: Lease, other: Lease
) -> None:
    """Of acquires by one client and another client exactly one gets it, with growing epochs."""
    last = 0
    for _ in range(8):
        answers = await all_answers(
            (other if at % 2 else one).acquire("engine", _TTL_S) for at in range(6)
        )
        epochs = [epoch for epoch in answers if epoch is not None]
        expect_equal(len(epochs), 1, f"holders of {answers}")
        expect(epochs[0] > last, f"epoch {epochs[0]} after {last}")
        last = epochs[0]
        expect_equal(await other.renew("engine", last, _TTL_S), True, "renew under its epoch")
        expect_equal(await other.renew("engine", last - 1, _TTL_S), False, "renew of an old epoch")
        await one.release("engine", last)


@TwoClients(consumers_book).law()
async def another_client_of_a_group_gets_the_others(
    trial: Trial[ConsumedStream], one: ConsumedStream, other: ConsumedStream
) -> None:
    """Consumers at one client and another client share a group's entries, each goes to one."""
    await one.stream.append([b"%d" % number for number in range(60)])
    entries = await one.stream.read(START, 100)
    got: list[Entry] = []

    async def consume(both: ConsumedStream, name: str) -> None:
        while found := await both.consumers.read("g", name, 3):
            got.extend(found)
            await both.consumers.ack("g", [entry.id for entry in found])

    await all_answers(
        consume(both, f"{who}{at}") for at in range(3) for who, both in (("a", one), ("b", other))
    )
    expect_equal(sorted(got), entries, "what all of them got")
    positions = await other.consumers.positions()
    expect(positions["g"] >= entries[-1].id, f"all is acknowledged, the position is {positions}")


@TwoClients(consumers_book).law()
async def what_another_client_owes_can_be_reclaimed(
    trial: Trial[ConsumedStream], one: ConsumedStream, other: ConsumedStream
) -> None:
    """What a consumer at another client owes can be taken over, once."""
    await one.stream.append([b"%d" % number for number in range(12)])
    entries = await other.consumers.read("g", "there", 12)
    taken = await all_answers(one.consumers.reclaim("g", f"here{at}", 0, 3) for at in range(2))
    expect_equal(len(entries), 12, "entries owed there")
    expect(all(len(found) == 3 for found in taken), f"taken over: {taken}")
    expect_equal(await one.consumers.ack("g", [entry.id for entry in entries]), 12, "ack of all")
    expect_equal(await other.consumers.reclaim("g", "there", 0, 12), [], "nothing is owed")


def shared_positions(subject: Subject[S], record: Any) -> Lawbook[S]:
    """The law of `apply` by two clients; *record* makes the record of a number."""
    book: Lawbook[S] = Lawbook(subject.contract)

    @TwoClients(book).law(also="positioned")
    async def of_applies_by_another_client_one_happens(
        trial: Trial[S], one: Any, other: Any
    ) -> None:
        """Of `apply`s of one position by one client and another client exactly one happens."""
        for turn in range(1, 11):
            numbers = [4 * turn + at for at in range(4)]
            at = Position(turn, 0)
            answers = await all_answers(
                (other if number % 2 else one).apply([record(number)], source="a", position=at)
                for number in numbers
            )
            expect_equal(answers.count(Applied.APPLIED), 1, f"APPLIED among {answers}")
            expect_equal(await other.position("a"), at, "position")
        held = await subject.held(one)
        expect_equal([number // 4 for number in held], list(range(1, 11)), f"one a turn of {held}")

    return book
