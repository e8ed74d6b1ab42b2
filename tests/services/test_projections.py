"""What those who follow the derived streams are told of a batch."""

import json
from collections.abc import Sequence

import pytest

from pmengine.command_answers import (
    Answered,
    OrderEnded,
    OrderRejected,
    OrderSubmitted,
    OrderTraded,
    ProcessorDocument,
)
from pmengine.commands import (
    AddOneEvent,
    CancelOrder,
    Command,
    Deposit,
    NewMarket,
    RemoveOneEvent,
    SubmitOrder,
)
from pmengine.engine import Engine
from pmengine.market_deltas import MarketDelta
from pmengine.projections import (
    decode_batch_told,
    decode_processor_entry,
    decode_websocket_entry,
    encode_processor_entry,
    encode_websocket_entry,
)
from pmengine.services.depth import DepthFeed
from pmstore import (
    START,
    Batch,
    CorruptData,
    OrderStatus,
    OrderType,
    Position,
    Side,
    Symbol,
    open_stream,
)
from pmstore.codec import GENESIS_HASH, decode_changes, decode_order

LISTED = AddOneEvent(event_id=1, markets={1: NewMarket(("y", "n"))})
KEY = (1, 1)


def batch_of(engine: Engine, commands: Sequence[Command]) -> Batch:
    return Batch(
        number=1,
        epoch=1,
        time=1,
        prev_hash=GENESIS_HASH,
        hash=GENESIS_HASH,
        input={},
        changes=decode_changes(engine.handle_batch(commands, 1), "facts"),
    )


def buy(id: str, user: str, token: str, price: int, quantity: int = 10) -> SubmitOrder:
    return SubmitOrder(
        order_id=id,
        user_id=user,
        symbol=Symbol(1, 1, token),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=price,
        quantity=quantity,
        correlation_id=f"ask-{id}",
    )


def listed() -> Engine:
    engine = Engine()
    deposits = [Deposit(id=user, user_id=user, amount=10**9) for user in ("ann", "bob")]
    engine.handle_batch([LISTED, *deposits], 1)
    return engine


AT = Position(5, 1)


def deltas_of(batch: Batch) -> list[MarketDelta]:
    return decode_websocket_entry(encode_websocket_entry(AT, batch))[1]


def told_of(batch: Batch) -> list[ProcessorDocument]:
    return decode_processor_entry(encode_processor_entry(AT, batch))[1]


def test_a_batch_that_says_nothing_is_an_array_that_names_it_alone() -> None:
    batch = batch_of(Engine(), [])
    alone = [{"types": "Batch", "number": 1, "position": "5-1", "hash": GENESIS_HASH}]
    for payload in (encode_processor_entry(AT, batch), encode_websocket_entry(AT, batch)):
        assert json.loads(payload) == alone
        assert decode_batch_told(payload, "here").position == "5-1"


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'[{"types":"OrderTraded"}]', b"[1]"])
def test_an_entry_that_does_not_name_its_batch_is_corrupt(payload: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_processor_entry(payload)
    with pytest.raises(CorruptData):
        decode_websocket_entry(payload)
    with pytest.raises(CorruptData, match="here"):
        decode_batch_told(payload, "here")


def test_an_order_is_told_as_it_is_after_its_command_and_its_answer_comes_last() -> None:
    engine = listed()
    batch = batch_of(engine, [buy("a", "ann", "y", 6_000), buy("b", "bob", "n", 4_500, 4)])
    told = told_of(batch)
    kinds = [type(document) for document in told]
    assert kinds == [OrderSubmitted, Answered, OrderSubmitted, OrderTraded, Answered]
    taker = told[2]
    assert isinstance(taker, OrderSubmitted)
    assert decode_order(taker.order, "test").status is OrderStatus.FILLED
    assert [trade.quantity for trade in taker.trades] == [4]
    last = told[-1]
    assert isinstance(last, Answered)
    assert (last.correlation_id, last.outcome) == ("ask-b", "accepted")
    assert {row.asset for row in last.balances} == {"cash", "n"}


def test_a_refusal_and_a_cancel_are_told_with_their_reasons() -> None:
    engine = listed()
    engine.handle(buy("a", "ann", "y", 6_000), 1)
    cancel = CancelOrder(order_id="a", user_id="ann", correlation_id="ask-c")
    batch = batch_of(engine, [buy("r", "bob", "y", 5), cancel])
    told = told_of(batch)
    rejected, _, ended, answered = told
    assert isinstance(rejected, OrderRejected)
    assert rejected.reason == "INVALID_PRICE"
    assert isinstance(ended, OrderEnded)
    assert (ended.order_id, ended.remaining_quantity) == ("a", 10)
    assert isinstance(answered, Answered)


def test_a_market_is_told_once_a_batch_with_its_levels_as_they_are_at_its_end() -> None:
    engine = listed()
    orders = [buy("a", "ann", "y", 6_000), buy("c", "ann", "y", 6_000), buy("b", "bob", "n", 4_000)]
    (delta,) = deltas_of(batch_of(engine, orders))
    assert (delta.prev_update_id, delta.update_id) == (0, 3)
    assert delta.bids == [(6_000, 10)]
    assert delta.last_price == 6_000
    assert [trade.quantity for trade in delta.trades] == [10]


async def test_a_market_listed_anew_under_its_id_begins_with_an_empty_depth() -> None:
    engine = listed()
    first = deltas_of(batch_of(engine, [buy("a", "ann", "y", 6_000)]))
    gone = deltas_of(batch_of(engine, [RemoveOneEvent(event_id=1)]))
    again = deltas_of(batch_of(engine, [LISTED, buy("b", "bob", "y", 5_000)]))
    assert gone[0].cleared
    assert gone[-1].removed
    async with open_stream("memory://", "websocket_stream") as stream:
        feed = DepthFeed(stream, START, {})
        feed.tell([*first, *gone])
        assert feed.depth(KEY).update_id == 0
        feed.tell(again)
        assert feed.depth(KEY).best_bids() == [(5_000, 10)]
