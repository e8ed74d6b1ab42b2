"""Cash that moves between shards leaves one once and comes to the other once, whoever dies."""

from __future__ import annotations

from collections.abc import Sequence

from pmengine.commands import Command, Deposit, Withdraw, decode_commands
from pmengine.engine import ID_MEMORY_S, Engine
from pmengine.facts import Refusal
from pmengine.services.moving import MARGIN_MS, Carrier, Move, move_id, moves_in
from pmstore import CASH, START, Batch, Change, Entry, Position, Stream, open_stream

NOW_MS = 1_704_110_400_000


def batch_of(changes: Sequence[Change]) -> tuple[Entry, Batch]:
    batch = Batch(
        number=1, epoch=1, time=NOW_MS, prev_hash="", hash="", input={}, changes=tuple(changes)
    )
    return Entry(Position(1, 0), b"{}"), batch


def withdrawn(engine: Engine, amount: int) -> tuple[Entry, Batch]:
    """The log's entry of a move to shard 1 that begins on *engine*."""
    engine.handle(Deposit(id="d", user_id="ann", amount=100), NOW_MS)
    leaving = Withdraw(id=move_id(1, amount, "x"), user_id="ann", amount=amount)
    return batch_of(list(engine.handle(leaving, NOW_MS).facts))


async def sent(stream: Stream) -> list[Command]:
    entries = await stream.read(START, 100)
    return [command for entry in entries for command in decode_commands(entry.payload)]


def cash(engine: Engine) -> int:
    rows = engine.state.balances.get(CASH, {})
    return sum(row.available for row in rows.values())


async def test_what_was_withdrawn_is_deposited_however_often_it_is_carried() -> None:
    here, there = Engine(shard=0), Engine(shard=1)
    found = withdrawn(here, 60)
    async with open_stream("memory://", "a") as first, open_stream("memory://", "b") as second:
        carrier = Carrier([first, second], ID_MEMORY_S)
        # A gateway that did not die deposits it too.
        own = Deposit(id=move_id(1, 60, "x"), user_id="ann", amount=60)
        assert there.handle(own, NOW_MS).refusal is None
        for _ in range(3):
            await carrier.carry([found])
        assert await sent(first) == []
        for command in await sent(second):
            assert there.handle(command, NOW_MS + 1).refusal is None
    assert (cash(here), cash(there)) == (40, 60)


async def test_a_deposit_is_too_late_before_it_would_be_forgotten_that_it_was_done() -> None:
    there = Engine(shard=1)
    found = withdrawn(Engine(shard=0), 60)
    async with open_stream("memory://", "a") as stream:
        await Carrier([stream], ID_MEMORY_S).carry([found])
        [deposit] = await sent(stream)
    last_ms = NOW_MS + ID_MEMORY_S * 1000 - MARGIN_MS
    assert there.handle(deposit, last_ms).refusal is None
    assert there.handle(deposit, last_ms + ID_MEMORY_S * 1000 - 1).refusal is None
    assert there.handle(deposit, last_ms + ID_MEMORY_S * 1000 + 1).refusal is Refusal.TOO_LATE
    assert cash(there) == 60


def test_only_withdrawals_that_were_taken_under_the_id_of_a_move_are_moves() -> None:
    engine = Engine(shard=0)
    _, taken = withdrawn(engine, 60)
    assert list(moves_in(taken)) == [Move(move_id(1, 60, "x"), "ann", 1, 60, NOW_MS)]
    for command in (
        Withdraw(id=move_id(1, 60, "x"), user_id="ann", amount=60),
        Withdraw(id=move_id(1, 1_000, "y"), user_id="ann", amount=1_000),
        Withdraw(id="move:1:5:z", user_id="ann", amount=5),
        Deposit(id=move_id(1, 5, "z"), user_id="ann", amount=5),
    ):
        _, other = batch_of(list(engine.handle(command, NOW_MS + 1).facts))
        assert list(moves_in(other)) == []
