"""What must be true of a folder that a killed exchange left, seen from within this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from pmengine.assembly import open_exchange
from pmengine.engine import Engine
from pmengine.invariants import engine_violations
from pmengine.services.log import Log
from pmengine.services.recovery import recover
from pmengine.settings import Settings
from pmstore import ACCEPTED, SUBMIT_ORDER, Order, State, Trade, TradeQuery, open_stores
from pmstore.clock import system_clock
from pmstore.decimals import parse_decimal
from pmstore.queries import all as all_of
from pmstore.settings import StorageSettings
from tests.trips.traders import CASH, USERS, Told


@attrs.frozen
class Recovery:
    """What was found: the state with its trades, and where it was recovered from."""

    state: State
    trades: list[Trade]
    folded: int
    snapshot: str | None
    lost_tail: bool


async def recover_copy(folder: Path) -> Recovery:
    """
    Open the exchange on *folder*, which is a copy, and leave it; its own invariants hold.

    The engine, the store service that folds the same log, and a fold that begins at the
    oldest snapshot must come to the same digest.
    """
    settings = Settings(storage=StorageSettings(data_dir=folder))
    async with open_exchange(settings) as exchange:
        found = exchange.recovered
        engine = exchange.engine.engine
        await exchange.history.reached(exchange.engine.place.number)
        trades = [one async for one in all_of(exchange.history.trades, TradeQuery(limit=1000))]
        digest = engine.state_digest()
        assert engine_violations(engine) == []
    assert exchange.store.place == exchange.engine.place
    assert exchange.store.state.digest() == digest
    async with open_stores(settings=settings.storage) as stores:
        options: Any = {"id_memory_s": settings.id_memory_s, "now_ms": system_clock()}
        log = Log(await stores.open_stream("store_stream"))
        oldest = await recover(log, stores.snapshots, **options, oldest=True)
        place = oldest.place
        while batches := await log.read(place, 256):
            for entry, batch in batches:
                oldest.state.apply_batch(entry.id, batch)
            place = place._replace(position=entry.id, number=batch.number, hash=batch.hash)
        newest = await recover(log, stores.snapshots, **options)
    assert oldest.state.digest() == digest
    assert newest.state.digest() == digest
    assert Engine(snapshot=newest.state.freeze(0)).state_digest() == digest
    return Recovery(engine.state, trades, found.folded, found.snapshot, found.lost_tail)


def check_told(recovery: Recovery, told: dict[str, Told]) -> None:
    """
    Hold what the users were told against what was recovered.

    An order that was answered is there once, as answered or later; one whose answer never
    came is there once or not at all; nobody has an order or a trade that nobody asked for.
    """
    state, trades = recovery.state, recovery.trades
    assert len({trade.trade_id for trade in trades}) == len(trades)
    traded: dict[str, int] = {}
    for trade in trades:
        for order_id in (trade.taker_order_id, trade.maker_order_id):
            traded[order_id] = traded.get(order_id, 0) + trade.quantity
    standing: dict[str, Order] = {}
    for order in state.orders.values():
        assert order.client_order_id is not None
        assert order.client_order_id not in standing, f"{order} is there twice"
        standing[order.client_order_id] = order
    asked = {(one.user_id, SUBMIT_ORDER, one.client_order_id) for one in told.values()}
    assert {key for key in state.memories if key[1] == SUBMIT_ORDER} <= asked
    known: set[str] = set()
    for one in told.values():
        memory = state.memories.get((one.user_id, SUBMIT_ORDER, one.client_order_id))
        if memory is None:
            assert not one.answered, f"{one} was answered and is forgotten"
            assert one.client_order_id not in standing
            continue
        if memory.outcome != ACCEPTED:
            assert one.order_id is None
            assert one.refused in (None, memory.outcome)
            assert one.client_order_id not in standing
            continue
        assert one.refused is None, f"{one} was refused and is accepted"
        assert one.order_id in (None, memory.order_id), f"{one} is known as {memory.order_id}"
        known.add(memory.order_id)
        one.found_as = memory.order_id
        _check_order(one, standing.get(one.client_order_id), traded.get(memory.order_id, 0))
    assert {order.id for order in standing.values()} <= known
    assert traded.keys() <= known
    came_in = len(USERS) * parse_decimal(CASH, 6, "cash")
    assert state.deposited == came_in


def _check_order(one: Told, order: Order | None, traded: int) -> None:
    assert traded >= one.filled, f"{one} was told of more fills than {traded} lots"
    if one.ended:
        assert order is None, f"{one} ended, and stands as {order}"
        assert traded == one.filled, f"{one} traded {traded} lots"
    elif one.not_kept:
        assert order is None, f"{one} ended, and stands as {order}"
    elif order is None:
        over = traded == one.lots or one.takes_only or one.cancel_asked or not one.answered
        assert over, f"{one} is gone after {traded} lots"
    else:
        assert not one.takes_only
        assert (order.filled_quantity, order.remaining_quantity) == (traded, one.lots - traded)
        assert order.price == parse_decimal(one.body["price"], 4, "price")
        assert (order.user_id, order.symbol.token_id, order.side.value.lower()) == (
            one.user_id,
            one.body["token_id"],
            one.body["side"],
        )
