"""The life of an order is told from its first fact to its last, with a rule behind each step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pmengine.commands import (
    AddOneEvent,
    AmendOrder,
    CancelOrder,
    Command,
    Deposit,
    NewFees,
    NewMarket,
    Resolve,
    Split,
    SubmitOrder,
)
from pmengine.services.explaining import PAGE, Life, LifeReader, Rule
from pmstore import (
    CASH,
    Batch,
    OrderCreated,
    OrderType,
    Position,
    SelfTrade,
    Side,
    Symbol,
    TimeInForce,
)
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from tests.engine.told import MONEY, facts_of
from tests.services.rig import batches_of, engine_on, flow

YES, NO = Symbol(1, 1, "yes"), Symbol(1, 1, "no")
RULES = Path(__file__).parents[2] / PAGE


def opening(fees: NewFees | None = None) -> list[Command]:
    market = NewMarket(("yes", "no"), fees=fees)
    commands: list[Command] = [AddOneEvent(event_id=1, markets={1: market})]
    for user_id in ("ann", "bob", "cid"):
        commands.append(Deposit(id="d", user_id=user_id, amount=100_000_000))
        commands.append(Split(id="s", user_id=user_id, event_id=1, market_id=1, quantity=1_000))
    return commands


def order(
    order_id: str, user_id: str, side: Side, price: int | None, quantity: int, **fields: Any
) -> SubmitOrder:
    defaults: dict[str, Any] = {"symbol": YES, "order_type": OrderType.LIMIT}
    return SubmitOrder(
        order_id=order_id,
        user_id=user_id,
        side=side,
        price=price,
        quantity=quantity,
        **defaults | fields,
    )


def buy(order_id: str, user_id: str, price: int, quantity: int, **fields: Any) -> SubmitOrder:
    return order(order_id, user_id, Side.BUY, price, quantity, **fields)


def sell(order_id: str, user_id: str, price: int, quantity: int, **fields: Any) -> SubmitOrder:
    return order(order_id, user_id, Side.SELL, price, quantity, **fields)


async def lives(
    commands: Sequence[Command], *order_ids: str, fees: NewFees | None = None
) -> list[Life]:
    """What is told of orders after *commands*."""
    async with (
        MemoryStream() as stream,
        MemorySnapshotStore() as snapshots,
        engine_on(stream, snapshots) as engine,
    ):
        await engine.take([*opening(fees), *commands])
        readers = [LifeReader(order_id) for order_id in order_ids]
        for entry, batch in await batches_of(stream):
            for reader in readers:
                if reader.concerns(entry.payload):
                    reader.read(entry.id, batch)
    return [reader.life for reader in readers]


def told(life: Life) -> list[tuple[str, str]]:
    return [(step.kind, "-" if step.rule is None else step.rule.name) for step in life.steps]


async def test_an_order_that_takes_rests_is_met_and_is_cancelled() -> None:
    (life,) = await lives(
        [
            sell("b1", "bob", 4_000, 10),
            buy("a1", "ann", 5_000, 50),
            sell("b2", "bob", 5_000, 20),
            CancelOrder(order_id="a1", user_id="ann"),
        ],
        "a1",
    )
    assert told(life) == [
        ("accepted", "ADMISSION"),
        ("filled", "IMPROVEMENT"),
        ("rests", "RESTING"),
        ("filled", "NORMAL"),
        ("cancelled", "OWNER"),
    ]
    _, took, rests, met, cancelled = life.steps
    assert took.details["role"] == "taker"
    assert took.details["improvement"] == 1_000 * 10
    assert "bought 0.1 shares at 0.4: took order b1 of bob" in took.text
    assert (rests.asset, rests.frozen) == (CASH, 5_000 * 40)
    assert (met.details["role"], met.details["other_order_id"]) == ("maker", "b2")
    assert (cancelled.asset, cancelled.released) == (CASH, 5_000 * 20)
    assert not life.is_open
    assert life.order is not None
    assert life.order.filled_quantity == 30
    assert [step.number for step in life.steps] == sorted(step.number or 0 for step in life.steps)


async def test_fees_are_frozen_paid_and_released() -> None:
    (life,) = await lives(
        [
            sell("b1", "bob", 4_000, 3),
            buy("a1", "ann", 5_000, 20),
            sell("b2", "bob", 5_000, 7),
            CancelOrder(order_id="a1", user_id="ann"),
        ],
        "a1",
        fees=NewFees("linear", 10_000, 20_000),
    )
    _, took, rests, met, cancelled = life.steps
    assert took.details["fee"] == 2 * 4_000 * 3 // 100
    assert "; fee 0.00024" in took.text
    assert rests.frozen == 5_000 * 17 + 5_000 * 17 // 100
    assert met.details["fee"] == 5_000 * 7 // 100
    paid = 5_000 * 7 + met.details["fee"]
    assert rests.frozen == paid + met.released + cancelled.released


async def test_both_tokens_meet_in_mint_and_merge() -> None:
    mint, merge = await lives(
        [
            buy("a1", "ann", 6_000, 5),
            buy("b1", "bob", 4_000, 5, symbol=NO),
            sell("c1", "cid", 4_000, 5),
            sell("b2", "bob", 6_000, 5, symbol=NO),
        ],
        "b1",
        "b2",
    )
    assert told(mint) == [("accepted", "ADMISSION"), ("filled", "MINT"), ("completed", "FILLED")]
    assert "whose price was 0.6" in mint.steps[1].text
    assert told(merge)[1] == ("filled", "MERGE")


@pytest.mark.parametrize(
    ("amend", "kind", "rule", "released"),
    [
        ({"quantity": 30}, "amended", "AMEND_KEEPS", 5_000 * 20),
        ({"price": 4_900}, "amended", "AMEND_QUEUES", 5_000 * 50),
        ({"quantity": 50, "price": 5_000}, "amended", "AMEND_NOTHING", 0),
        ({"quantity": 60}, "amended", "AMEND_QUEUES", 5_000 * 50),
        ({"price": 5}, "refused", "REFUSED", 0),
    ],
)
async def test_an_amend_is_told_with_what_it_did(
    amend: dict[str, int], kind: str, rule: str, released: int
) -> None:
    (life,) = await lives(
        [buy("a1", "ann", 5_000, 50), AmendOrder(order_id="a1", user_id="ann", **amend)], "a1"
    )
    step = life.steps[2]
    assert (step.kind, step.rule and step.rule.name, step.released) == (kind, rule, released)
    assert (len(life.steps) == 4) == (rule == "AMEND_QUEUES")
    assert life.steps[-1].kind == ("rests" if rule == "AMEND_QUEUES" else kind)
    assert life.is_open


async def test_an_amend_to_no_more_than_is_filled_ends_it() -> None:
    (life,) = await lives(
        [
            buy("a1", "ann", 5_000, 50),
            sell("b1", "bob", 5_000, 20),
            AmendOrder(order_id="a1", user_id="ann", quantity=20),
        ],
        "a1",
    )
    assert told(life)[-1] == ("cancelled", "AMEND_ENDS")
    assert life.steps[-1].released == 5_000 * 30


@pytest.mark.parametrize(
    ("commands", "rule"),
    [
        ([buy("x", "ann", 5_000, 10, time_in_force=TimeInForce.IOC)], Rule.IOC),
        (
            [order("x", "ann", Side.SELL, None, 10, order_type=OrderType.MARKET)],
            Rule.MARKET_SELL,
        ),
        (
            [order("x", "ann", Side.BUY, None, 0, order_type=OrderType.MARKET, volume=9_000)],
            Rule.MARKET_BUY,
        ),
        (
            [
                sell("y", "ann", 5_000, 10),
                buy("x", "ann", 5_000, 10, self_trade=SelfTrade.CANCEL_TAKER),
            ],
            Rule.SELF_TRADE,
        ),
        (
            [
                sell("x", "ann", 5_000, 10),
                buy("y", "ann", 5_000, 10, self_trade=SelfTrade.CANCEL_MAKER),
            ],
            Rule.SELF_TRADE,
        ),
        (
            [
                buy("x", "ann", 5_000, 10),
                Resolve(event_id=1, market_id=1, payouts=(10_000, 0)),
            ],
            Rule.MARKET_CLOSED,
        ),
    ],
    ids=["ioc", "market sell", "market buy", "taker", "maker", "resolved"],
)
async def test_why_an_order_was_cancelled_is_told(commands: list[Command], rule: Rule) -> None:
    (life,) = await lives(commands, "x")
    assert (life.steps[-1].kind, life.steps[-1].rule) == ("cancelled", rule)
    assert life.order is not None
    assert not life.is_open


def told_by(script: str, order_id: str, **options: Any) -> Life:
    """What is told of an order after the commands of *script*, an entry each."""
    reader = LifeReader(order_id)
    for number, (facts, time_ms) in enumerate(facts_of(script, **options), 1):
        batch = Batch(
            number=number,
            epoch=1,
            time=time_ms,
            prev_hash="",
            hash="",
            input={},
            changes=facts,
        )
        reader.read(Position(time_ms, number), batch)
    return reader.life


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ("ann buy x yes 5 @5000 until +500\ntime +600\nbob deposit e 1", Rule.EXPIRED),
        ("ann buy x yes 5 @5000\nann cancel-all", Rule.CANCEL_ALL),
        (
            "ann group g 5 per 1000\nann buy y yes 5 @5000 group g\nann buy x yes 5 @4000 group g\n"
            "bob sell b yes 5 @5000",
            Rule.GROUP,
        ),
        (
            "ann heartbeat s 1000\nann buy x yes 5 @5000 session s\ntime +1500\nbob deposit e 1",
            Rule.SESSION,
        ),
    ],
    ids=["time", "cancel-all", "group", "session"],
)
def test_why_orders_left_is_told(lines: str, rule: Rule) -> None:
    life = told_by(f"admin list 1/1 yes no\n{MONEY}{lines}", "x")
    assert (life.steps[-1].kind, life.steps[-1].rule) == ("cancelled", rule)
    assert life.steps[-1].released == life.steps[1].frozen
    assert not life.is_open


def test_an_order_that_is_leaving_is_told_so_before_its_end() -> None:
    orders = "\n".join(f"ann buy a{number} yes 1 @{5_000 - number}" for number in range(3))
    listed = f"admin list 1/1 yes no\n{MONEY}{orders}\nann cancel-all\nbob deposit e 1"
    life = told_by(f"{listed}\nbob deposit f 1", "a2", step_max=1)
    assert told(life) == [
        ("accepted", "ADMISSION"),
        ("rests", "RESTING"),
        ("leaving", "CANCEL_ALL"),
        ("cancelled", "CANCEL_ALL"),
    ]
    assert life.steps[2].number != life.steps[3].number


async def test_a_market_buy_says_what_it_spent() -> None:
    (life,) = await lives(
        [
            sell("b1", "bob", 4_000, 2),
            order("a1", "ann", Side.BUY, None, 0, order_type=OrderType.MARKET, volume=9_000),
        ],
        "a1",
    )
    assert told(life)[-1] == ("completed", "FILLED")
    assert "spent 0.008 of 0.009" in life.steps[-1].text
    assert life.steps[-1].released == 1_000


async def test_what_was_refused_or_asked_again_is_told() -> None:
    poor, again, other = await lives(
        [
            buy("poor", "ann", 9_990, 10**9),
            buy("a1", "ann", 5_000, 10, client_order_id="mine"),
            buy("a2", "ann", 5_000, 10, client_order_id="mine"),
            buy("a3", "ann", 5_100, 10, client_order_id="mine"),
            CancelOrder(order_id="a1", user_id="bob"),
        ],
        "poor",
        "a1",
        "a3",
    )
    assert told(poor) == [("refused", "REFUSED")]
    assert "INSUFFICIENT_BALANCE (the user does not have that much" in poor.steps[0].text
    assert poor.order is None
    assert told(again) == [
        ("accepted", "ADMISSION"),
        ("rests", "RESTING"),
        ("repeated", "REPEAT"),
        ("repeated", "ID_REUSED"),
        ("refused", "REFUSED"),
    ]
    assert "CancelOrder by bob refused: NOT_OWNER" in again.steps[-1].text
    assert not other.is_known


async def test_an_id_that_the_owner_gave_leads_to_the_order() -> None:
    asked, known = await lives(
        [
            buy("a1", "ann", 5_000, 10, client_order_id="mine"),
            buy("b1", "bob", 9_990, 10**9, client_order_id="mine"),
        ],
        "mine",
        "a1",
    )
    assert not asked.is_known
    assert list(asked.meant) == ["a1", "b1"]
    assert list(known.meant) == []


async def test_what_is_told_of_every_order_of_a_flow_adds_up() -> None:
    async with (
        MemoryStream() as stream,
        MemorySnapshotStore() as snapshots,
        engine_on(stream, snapshots) as engine,
    ):
        for start in (0, 200):
            await engine.take(flow(start, start + 200))
        batches = [(entry.id, batch) for entry, batch in await batches_of(stream)]
        open_orders = {one.id: one for one in engine.service.engine.snapshot(0).orders}
    created = [
        change.order
        for _, batch in batches
        for change in batch.changes
        if isinstance(change, OrderCreated)
    ]
    assert len(created) > 150
    ended = 0
    for first in created:
        reader = LifeReader(first.id)
        for position, batch in batches:
            reader.read(position, batch)
        life = reader.life
        assert life.steps[0].kind == "accepted"
        assert all(step.rule is not None for step in life.steps)
        fills = [step for step in life.steps if step.kind == "filled"]
        assert life.order is not None
        assert sum(step.details["quantity"] for step in fills) == life.order.filled_quantity
        assert life.is_open == (first.id in open_orders)
        if life.is_open:
            assert life.order == open_orders[first.id]
            continue
        ended += 1
        met = [step.details for step in fills if step.details["role"] == "maker"]
        buys = first.side is Side.BUY
        paid = sum(one["quantity"] * (one["price"] if buys else 1) for one in met)
        frozen = sum(step.frozen for step in life.steps)
        released = sum(step.released for step in life.steps)
        assert frozen == paid + released, life.steps
    assert ended > 80


def test_every_rule_is_on_its_page() -> None:
    headings = re.findall(r"^## (.+)$", RULES.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-") for text in headings}
    assert {rule.anchor for rule in Rule} <= anchors
