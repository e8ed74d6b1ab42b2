"""Looks for an order: in the log, in the snapshot before it, and in the stores."""

from __future__ import annotations

import asyncio
from typing import Final

from pmengine.services.explaining.reading import LifeReader
from pmengine.services.explaining.rules import Rule
from pmengine.services.explaining.steps import Life, Step
from pmengine.services.explaining.telling import fill_words, refusal_words, shares, terms
from pmengine.services.log import STORE_STREAM, Log, link_of
from pmengine.services.verifying import Beginning, CannotBegin, begin
from pmstore import (
    ACCEPTED,
    ACTIVE_STATUSES,
    START,
    Order,
    State,
    StoresToRead,
    Stream,
    Trade,
    TradeQuery,
)
from pmstore.codec import decode_batch
from pmstore.queries import all as all_of

READ_ENTRIES_MAX: Final = 256
PAGE_MAX: Final = 1000


async def explain(stores: StoresToRead, order_id: str, *, id_memory_s: int) -> Life:
    """
    What is known of an order, from its first fact to its last.

    The log is read from its first entry. Where it was trimmed, the oldest verified snapshot and
    the stores say what was before.

    Raises:
        StoreUnavailable, CorruptData: From the stores.

    Cost:
        Reads the whole log; entries that do not name the order are not decoded.
    """
    reader = LifeReader(order_id)
    life = reader.life
    stream = await stores.open_stream(STORE_STREAM)
    is_whole = False
    if stream is None:
        life.looked_at.append("no log: there is none")
    else:
        is_whole = await _read_log(stream, stores, reader, id_memory_s)
    if not is_whole or not life.is_known:
        await _ask_stores(stores, life)
    return life


async def _read_log(
    stream: Stream, stores: StoresToRead, reader: LifeReader, id_memory_s: int
) -> bool:
    """Read the log; whether it is whole from its first entry."""
    life = reader.life
    bounds = await stream.bounds()
    if bounds is None:
        life.looked_at.append("the log: it is empty")
        return False
    first, last = link_of(bounds.first).number, link_of(bounds.last).number
    after = START
    if first > 1:
        try:
            beginning = await begin(Log(stream), stores.snapshots, id_memory_s=id_memory_s)
        except CannotBegin:
            life.looked_at.append("no snapshot: none lies on the log")
        else:
            _take_up(reader, beginning)
            after = beginning.place.position
    while entries := await stream.read(after, READ_ENTRIES_MAX):
        for entry in entries:
            if reader.concerns(entry.payload):
                batch = decode_batch(entry.payload, f"{STORE_STREAM} {entry.id}")
                reader.read(entry.id, batch)
        after = entries[-1].id
        await asyncio.sleep(0)
    life.looked_at.append(f"the log, entries {first} to {last}")
    return first == 1


def _take_up(reader: LifeReader, beginning: Beginning) -> None:
    life, state = reader.life, beginning.state
    life.looked_at.append(beginning.words)
    reader.list_events(list(state.events.values()))
    order = state.orders.get(life.order_id)
    if order is not None:
        reader.take_up(order, beginning.words.split(" at ")[0], beginning.place.number)
    else:
        life.steps.extend(_remembered(state, life.order_id))


def _remembered(state: State, order_id: str) -> list[Step]:
    """What a snapshot still remembers of an order that ended, or was refused, before it."""
    found = []
    for answer in state.memories.values():
        if answer.order_id != order_id:
            continue
        is_accepted = answer.outcome == ACCEPTED
        said = "accepted" if is_accepted else f"refused: {refusal_words(answer.outcome)}"
        found.append(
            Step(
                kind="accepted" if is_accepted else "refused",
                text=f"{answer.kind} of {answer.user_id} {said} (by what a snapshot remembers)",
                rule=Rule.ADMISSION if is_accepted else Rule.REFUSED,
                time_ms=answer.timestamp,
                details={"outcome": answer.outcome, "user_id": answer.user_id},
            )
        )
    return found


async def _ask_stores(stores: StoresToRead, life: Life) -> None:
    """Add what the stores know and the log no longer says."""
    stored: Order | None = None
    if stores.orders is not None:
        life.looked_at.append("the order store")
        stored = (await stores.orders.get([life.order_id])).get(life.order_id)
    trades: list[Trade] = []
    if stores.trades is not None:
        life.looked_at.append("the trade store")
        query = TradeQuery(order_id=life.order_id, limit=PAGE_MAX)
        trades = [trade async for trade in all_of(stores.trades, query)]
    told = {step.details.get("trade_id") for step in life.steps}
    before: list[Step] = []
    on_log = [step for step in life.steps if step.kind != "accepted" or step.number is not None]
    if stored is not None and not any(step.kind == "accepted" for step in on_log):
        life.steps[:] = on_log  # the store's own word says more than what is remembered
        before.append(
            Step(
                kind="accepted",
                text=f"accepted as number {stored.order_num}: {terms(stored)} (by the order store; "
                "the log of that time was trimmed)",
                rule=Rule.ADMISSION,
                time_ms=stored.timestamp,
            )
        )
    order = stored or life.order
    for trade in sorted(trades, key=lambda trade: trade.trade_id):
        if trade.trade_id not in told and order is not None:
            before.append(_stored_trade(trade, order))
    life.steps[:0] = before
    if stored is not None and (life.order is None or stored.version > life.order.version):
        life.order, life.is_open = stored, stored.status in ACTIVE_STATUSES
        life.steps.append(_stored_state(stored))


def _stored_trade(trade: Trade, order: Order) -> Step:
    is_taker = trade.taker_order_id == order.id
    return Step(
        kind="filled",
        text=f"{fill_words(trade, order, is_taker=is_taker)} (by the trade store)",
        rule=Rule.PRIORITY,
        time_ms=trade.timestamp,
        details={
            "trade_id": trade.trade_id,
            "role": "taker" if is_taker else "maker",
            "match_type": trade.match_type.value,
            "price": trade.price if is_taker else trade.maker_price,
            "quantity": trade.quantity,
            "fee": trade.taker_fee if is_taker else trade.maker_fee,
        },
    )


def _stored_state(order: Order) -> Step:
    text = f"{order.status.value} by the order store: {shares(order.filled_quantity)} filled, "
    text += f"{shares(order.remaining_quantity)} remaining"
    if order.status not in ACTIVE_STATUSES:
        text += "; how it ended is no longer on the log"
    return Step(kind="stored", text=text, rule=None, time_ms=None)
