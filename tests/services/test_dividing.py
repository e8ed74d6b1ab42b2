"""Dividing states anew moves whole events, and loses, makes and breaks nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs
import pytest

from pmengine.commands import Command, Deposit, SubmitOrder, Tick
from pmengine.engine import Engine
from pmengine.facts import Refusal
from pmengine.invariants import Violation, engine_violations, state_violations
from pmengine.services.dividing import CannotDivide, divide
from pmengine.shards import SHARDS_MAX, shard_of, shards_of
from pmstore import CASH, Market, OrderType, Side, Snapshot, State, Symbol
from tests.engine.listings import EXCLUSIVE_ID, START_MS, USERS, opening
from tests.engine.tapes import Tape

COMMANDS = 400
LATER_MS = START_MS + 10_000_000


def settled(engine: Engine, time_ms: int) -> Snapshot:
    """What *engine* has once nothing is left over."""
    snapshot = engine.snapshot(time_ms)
    while snapshot.work:
        engine.handle(Tick(), time_ms)
        snapshot = engine.snapshot(time_ms)
    return snapshot


def traded(seed: int, *, ledger: bool = True) -> tuple[Engine, Tape]:
    """An engine after a tape on three events, one of them exclusive."""
    engine, tape = Engine(ledger=ledger), Tape(seed, exclusive=True)
    for command in opening(exclusive=True):
        engine.handle(command, START_MS)
    for command, time_ms in tape.run(COMMANDS):
        engine.handle(command, time_ms)
    return engine, tape


def violations(engine: Engine) -> list[Violation]:
    if engine.has_ledger:
        return engine_violations(engine)
    return state_violations(engine.state, ledger=False)


def worth(snapshots: Sequence[Snapshot]) -> Counter[tuple[str, str]]:
    """How much of each asset each user has, on all shards together."""
    found: Counter[tuple[str, str]] = Counter()
    for one in snapshots:
        for row in one.balances:
            found[row.user_id, f"{row.asset} available"] += row.available
            found[row.user_id, f"{row.asset} frozen"] += row.frozen
    return +found


def open_orders(snapshots: Sequence[Snapshot]) -> dict[str, object]:
    return {order.id: order for one in snapshots for order in one.orders}


def asked(engines: Sequence[Engine], command: Command, time_ms: int) -> list[Refusal | None]:
    """What the shards that *command* is for say; all are asked about an order by its id."""
    shards = shards_of(command, len(engines)) or range(len(engines))
    outcomes = [engines[shard].handle(command, time_ms) for shard in shards]
    return [one.refusal for one in outcomes]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ledger", [True, False])
def test_every_law_holds_on_each_shard_there_and_back(seed: int, ledger: bool) -> None:
    whole, tape = traded(seed, ledger=ledger)
    before = settled(whole, LATER_MS)
    made = divide([before], 3, ledger=ledger)
    assert worth(made) == worth([before])
    assert open_orders(made) == open_orders([before])
    engines = []
    for shard, one in enumerate(made):
        assert {shard_of(event_id, 3) for event_id in one.events} <= {shard}
        assert state_violations(State.restore(one), ledger=ledger) == []
        engines.append(Engine.restore(one, shard=shard, ledger=ledger))
    for command, _ in tape.run(COMMANDS):
        asked(engines, command, LATER_MS)
    assert [violations(engine) for engine in engines] == [[], [], []]
    after = [settled(engine, LATER_MS) for engine in engines]
    numbers = Counter(order.order_num for one in after for order in one.orders)
    assert set(numbers.values()) <= {1}
    [back] = divide(after, 1, ledger=ledger)
    assert worth([back]) == worth(after)
    assert open_orders([back]) == open_orders(after)
    assert state_violations(State.restore(back), ledger=ledger) == []
    newest = max(one.order_counter for one in after)
    merged = Engine.restore(back, ledger=ledger)
    for command, _ in tape.run(COMMANDS):
        merged.handle(command, LATER_MS)
    assert violations(merged) == []
    assert merged.snapshot(0).order_counter > newest
    assert merged.snapshot(0).order_counter % SHARDS_MAX == 0


def test_who_asks_again_hears_the_same_on_the_shard_where_it_is_asked() -> None:
    whole, _ = traded(7)
    known = [one for one in settled(whole, LATER_MS).memories if one.kind == "Deposit"]
    assert known
    engines = [
        Engine.restore(one, shard=shard)
        for shard, one in enumerate(divide([settled(whole, LATER_MS)], 3, ledger=True))
    ]
    before = worth([engine.snapshot(0) for engine in engines])
    for user_id in USERS:
        again = Deposit(id="opening", user_id=user_id, amount=1_000_000_000)
        assert asked(engines, again, LATER_MS) == [None]
    assert worth([engine.snapshot(0) for engine in engines]) == before


def test_an_open_order_is_remembered_where_it_is_and_nowhere_for_ever() -> None:
    whole, _ = traded(3)
    made = divide([settled(whole, LATER_MS)], 3, ledger=True)
    for one in made:
        ended = {key for _, key in one.ended}
        here = {order.id for order in one.orders}
        open_ones = [
            memory
            for memory in one.memories
            if (memory.user_id, memory.kind, memory.id) not in ended
        ]
        assert {memory.order_id for memory in open_ones} <= here
    assert sum(len(one.orders) for one in made) > 0


def test_versions_and_numbers_go_on_above_those_of_every_shard() -> None:
    whole, tape = traded(5)
    engines = [
        Engine.restore(one, shard=shard)
        for shard, one in enumerate(divide([settled(whole, LATER_MS)], 2, ledger=True))
    ]
    for command, _ in tape.run(COMMANDS):
        asked(engines, command, LATER_MS)
    parts = [settled(engine, LATER_MS) for engine in engines]
    [back] = divide(parts, 1, ledger=True)
    for part in parts:
        assert back.trade_counter >= part.trade_counter
        for user_id, update_id in part.user_update_ids.items():
            assert back.user_update_ids[user_id] > update_id
    cash = {row.user_id: row for row in back.balances if row.asset == CASH}
    for part in parts:
        for row in part.balances:
            if row.asset == CASH:
                assert cash[row.user_id].version > row.version


def test_what_does_not_stand_still_or_add_up_is_not_divided() -> None:
    whole, _ = traded(1)
    before = settled(whole, LATER_MS)
    with pytest.raises(CannotDivide, match="still works off"):
        divide([attrs.evolve(before, work=[(1, 1)])], 2, ledger=True)
    with pytest.raises(CannotDivide, match="what its orders need"):
        divide([attrs.evolve(before, orders=before.orders[1:])], 2, ledger=True)
    with pytest.raises(CannotDivide, match="micros"):
        divide([attrs.evolve(before, deposited=before.deposited + 1)], 2, ledger=True)


def test_an_event_trades_on_where_it_came_to() -> None:
    whole, _ = traded(2)
    made = divide([settled(whole, LATER_MS)], 3, ledger=True)
    shard = shard_of(EXCLUSIVE_ID, 3)
    engine = Engine.restore(made[shard], shard=shard)
    event = engine.state.events[EXCLUSIVE_ID]
    market: Market = next(iter(event.markets.values()))
    assert market.token_ids[0] in {row.asset for row in made[shard].balances}
    unknown = (shard + 1) % 3
    stranger = Engine.restore(made[unknown], shard=unknown)
    order = _order(market)
    assert stranger.handle(order, LATER_MS).refusal is Refusal.UNKNOWN_EVENT
    assert engine.handle(order, LATER_MS).refusal is not Refusal.UNKNOWN_EVENT


def _order(market: Market) -> SubmitOrder:

    return SubmitOrder(
        order_id="new",
        symbol=Symbol(EXCLUSIVE_ID, market.market_id, market.token_ids[0]),
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        user_id="ann",
        quantity=1,
        price=9_990,
    )
