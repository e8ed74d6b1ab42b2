"""Facts of the engine keep every law as they are followed; each falsified one breaks its law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from pmengine.compiled import is_compiled
from pmengine.engine import Engine
from pmengine.invariants import Law, Violation, Watch
from pmengine.matching import NaiveLadder
from pmstore import (
    CASH,
    Balance,
    Change,
    Counters,
    Event,
    EventAdded,
    GroupChanged,
    GroupFilled,
    Leaving,
    Market,
    MarketChanged,
    MarketState,
    MarketUpdateId,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    OrderUpdated,
    Paused,
    Remembered,
    SessionChanged,
    State,
    TimeInForce,
    Trade,
)
from tests.engine.listings import opening
from tests.engine.tapes import START_MS, Tape
from tests.engine.told import MONEY, Told, facts_of

FEES = f"""
admin list 1/1 yes no fees linear 1000/2000
{MONEY}
bob sell b1 yes 5 @4000
ann buy a1 yes 20 @5000
bob sell b2 yes 5 @5000
ann cancel a1
"""
SETS = """
admin list 1 A/a B/b C/c exclusive
ann deposit d 1000000
ann split s 1 10
ann split t 1/1 4
ann convert c 1 1 3
ann merge m 1 2
admin resolve 1 10000/0 0/10000 0/10000
"""
GROUP = f"""
admin list 1/1 yes no
{MONEY}
ann group g 10 per 1000
ann buy a1 yes 8 @5000 group g
ann buy a2 yes 5 @4000 group g
bob sell b1 yes 8 @5000
bob sell b2 yes 2 @4000
"""
ENDS = f"""
admin list 1/1 yes no
{MONEY}
ann heartbeat s 1000
ann buy a1 yes 5 @5000 until +500
ann buy a2 yes 5 @4000 session s
time +600
bob deposit e 1
time +2000
bob deposit f 1
admin resolve 1/1 10000/0
"""
RESOLVED = f"""
admin list 1/1 yes no
{MONEY}
ann buy a1 yes 5 @5000
bob sell b1 yes 2 @5000
admin resolve 1/1 10000/0
"""
PLAIN = f"""
admin list 1/1 yes no
{MONEY}
bob sell b1 yes 5 @5000
ann buy a1 yes 5 @5000
ann buy a2 yes 5 @4000
"""


def judged(told: Told) -> list[Violation]:
    watch = Watch(State())
    found: list[Violation] = []
    for facts, time_ms in told:
        for fact in facts:
            watch.fold(fact)
        found += watch.settle()
        watch.state.time_ms = max(time_ms, watch.state.time_ms)
        found += watch.overdue()
    return found


def falsify(
    kind: type[Any],
    new: Callable[[Any], dict[str, Any]],
    when: Callable[[Any], bool] = lambda _: True,
) -> Callable[[Told], None]:
    """Change the fields of the first fact of a kind."""

    def change(told: Told) -> None:
        facts, index = place(told, kind, when)
        facts[index] = attrs.evolve(facts[index], **new(facts[index]))  # type: ignore[type-var]

    return change


def drop(kind: type[Any], when: Callable[[Any], bool] = lambda _: True) -> Callable[[Told], None]:
    """Leave out the first fact of a kind."""

    def change(told: Told) -> None:
        facts, index = place(told, kind, when)
        del facts[index]

    return change


def insert(
    fact: Change, before: type[Any], when: Callable[[Any], bool] = lambda _: True
) -> Callable[[Told], None]:
    """Say a fact before the first of a kind."""

    def change(told: Told) -> None:
        facts, index = place(told, before, when)
        facts.insert(index, fact)

    return change


def change_order(order_id: str, **fields: Any) -> Callable[[Told], None]:
    """Let an order come in with other fields."""
    return falsify(
        OrderCreated, lambda fact: {"order": attrs.evolve(fact.order, **fields)}, of_order(order_id)
    )


def end_twice(told: Told) -> None:
    facts = told[-2][0]
    facts.insert(-1, next(fact for fact in facts if isinstance(fact, OrderFilled)))


def pay(told: Told, payouts: tuple[int, int], market_id: int = 1) -> None:
    """Let every fact say that the tokens of a market are worth *payouts*."""
    for facts, _ in told:
        for index, fact in enumerate(facts):
            if isinstance(fact, MarketChanged) and fact.market_id == market_id and fact.payouts:
                facts[index] = attrs.evolve(fact, payouts=payouts)


def place(told: Told, kind: type[Any], when: Callable[[Any], bool]) -> tuple[list[Change], int]:
    return next(
        (facts, index)
        for facts, _ in told
        for index, fact in enumerate(facts)
        if isinstance(fact, kind) and when(fact)
    )


def of_order(order_id: str) -> Callable[[Any], bool]:
    return lambda fact: (
        getattr(fact, "order_id", None) == order_id
        or (hasattr(fact, "order") and fact.order.id == order_id)
    )


def row(user_id: str, asset: str = CASH) -> Callable[[Any], bool]:
    return lambda fact: (fact.user_id, fact.asset) == (user_id, asset)


def frozen_by(fact: Balance) -> bool:
    return fact.user_id == "ann" and fact.frozen > 0


PLANTED: list[tuple[str, Law, str, Callable[[Told], None]]] = [
    ("a fee too much", Law.FEES, FEES, falsify(Trade, lambda t: {"taker_fee": t.taker_fee + 1})),
    ("a maker pays nothing", Law.FEES, FEES, falsify(Trade, lambda _: {"maker_fee": 0})),
    (
        "the carry of a fee is lost",
        Law.FEES,
        FEES,
        falsify(OrderUpdated, lambda fact: {"order": attrs.evolve(fact.order, fee_exact=0)}),
    ),
    ("a fee goes to nobody", Law.HOLDINGS, FEES, drop(Balance, row("fees"))),
    (
        "a resting buy freezes no fee",
        Law.FROZEN,
        FEES,
        falsify(
            Balance,
            lambda one: {"frozen": one.frozen - 1, "available": one.available + 1},
            frozen_by,
        ),
    ),
    (
        "a conversion gives one Yes less",
        Law.EXCLUSIVE,
        SETS,
        drop(Balance, lambda one: one.asset == "C" and one.available == 13),
    ),
    (
        "a set of an event costs less",
        Law.HOLDINGS,
        SETS,
        falsify(
            Balance,
            lambda one: {"available": one.available + 10_000},
            lambda one: row("ann")(one) and one.available < 1_000_000,
        ),
    ),
    (
        "the Yes tokens of an event pay more than 1",
        Law.PAYOUTS,
        SETS,
        lambda told: pay(told, (5_000, 5_000), market_id=2),
    ),
    ("what a group filled is not told", Law.GROUP, GROUP, drop(GroupFilled)),
    (
        "a group fills more than its limit",
        Law.GROUP,
        GROUP,
        falsify(GroupChanged, lambda _: {"triggered": False}, lambda fact: fact.triggered),
    ),
    (
        "an order joins a group that is not there",
        Law.GROUP,
        GROUP,
        falsify(OrderCreated, lambda fact: {"order": attrs.evolve(fact.order, group="h")}),
    ),
    ("an order outlives its time", Law.DUE, ENDS, drop(OrderCancelled, of_order("a1"))),
    (
        "a session outlives its heartbeats",
        Law.DUE,
        ENDS,
        drop(SessionChanged, lambda f: not f.deadline_ms),
    ),
    (
        "payouts of 9999",
        Law.PAYOUTS,
        RESOLVED,
        lambda told: pay(told, (9_999, 0)),
    ),
    (
        "a holder is paid less",
        Law.HOLDINGS,
        RESOLVED,
        falsify(
            Balance,
            lambda one: {"available": one.available - 10_000},
            lambda one: row("bob")(one) and one.available > 1_400_000,
        ),
    ),
    (
        "an order comes into a market that is paused",
        Law.ADMISSION,
        PLAIN,
        insert(MarketChanged(1, 1, MarketState.PAUSED), OrderCreated, of_order("a2")),
    ),
    (
        "an order trades while everything is paused",
        Law.ADMISSION,
        PLAIN,
        insert(Paused(True), Trade),
    ),
    (
        "an order trades while only makers are let in",
        Law.ADMISSION,
        PLAIN,
        insert(Paused(False, START_MS + 1), Trade),
    ),
    (
        "a taker comes in while only makers are let in",
        Law.ADMISSION,
        PLAIN,
        insert(Paused(False, START_MS + 1), OrderCreated, of_order("a2")),
    ),
    (
        "a FOK order is filled in part",
        Law.LIFE,
        PLAIN.replace("a1 yes 5 @5000", "a1 yes 9 @5000 ioc"),
        change_order("a1", time_in_force=TimeInForce.FOK),
    ),
    ("somebody trades alone", Law.SELF_TRADE, PLAIN, change_order("a1", user_id="bob")),
    ("a post-only order takes", Law.TRADE_PARTIES, PLAIN, change_order("a1", post_only=True)),
    ("an order ends twice", Law.LIFE, PLAIN, end_twice),
    (
        "an event is listed for a refused command",
        Law.REFUSED,
        PLAIN,
        lambda told: told[0][0].__setitem__(
            -1,
            attrs.evolve(told[0][0][-1], outcome="MALFORMED"),  # type: ignore[type-var]
        ),
    ),
]


@pytest.mark.parametrize("script", [FEES, SETS, GROUP, ENDS, RESOLVED, PLAIN])
@pytest.mark.parametrize("options", [{}, {"step_max": 1}], ids=["steps", "small-steps"])
def test_what_the_engine_says_keeps_every_law(script: str, options: dict[str, Any]) -> None:
    assert judged(facts_of(script, **options)) == []


@pytest.mark.parametrize("seed", [6, 7])
def test_what_the_engine_says_of_a_random_tape_keeps_every_law(seed: int) -> None:
    engine = Engine(step_max=seed)
    told: Told = []
    commands = [(command, START_MS) for command in opening(exclusive=True)]
    for command, time_ms in [*commands, *Tape(seed, exclusive=True).run(2_500)]:
        told.append((list(engine.handle(command, time_ms).facts), time_ms))
    assert judged(told) == []


@pytest.mark.parametrize(
    ("bug", "law", "script", "plant"), PLANTED, ids=[bug for bug, *_ in PLANTED]
)
def test_a_falsified_fact_breaks_its_law(
    bug: str, law: Law, script: str, plant: Callable[[Told], None]
) -> None:
    told = facts_of(script)
    plant(told)
    assert law in {violation.law for violation in judged(told)}, judged(told)


def test_an_event_with_fees_says_them() -> None:
    (first, _), *_ = facts_of(FEES)
    (added,) = [fact for fact in first if isinstance(fact, EventAdded)]
    assert added.event.markets[1].fees is not None


# -- an engine with a bug --------------------------------------------------------------------


class LastComesFirst(NaiveLadder):
    """At one price it gives who came last."""

    def _crossed(self, is_bid: bool, price: int) -> list[Any]:
        found = super()._crossed(is_bid, price)
        return sorted(found, key=lambda one: (one.price if is_bid else -one.price, -one.arrival))


class Limitless(NaiveLadder):
    """It gives what is behind the taker's limit, too."""

    def _crossed(self, is_bid: bool, price: int) -> list[Any]:
        return self._side(not is_bid)


class BlindToOwners(NaiveLadder):
    """It lets a user meet the user's own order."""

    def match(self, is_bid: bool, price: int, quantity: int, owner: int = 0) -> int:
        return super().match(is_bid, price, quantity)


class Boastful(NaiveLadder):
    """It tells one lot more than stands at a price."""

    def quantity_at(self, is_bid: bool, price: int) -> int:
        lots = super().quantity_at(is_bid, price)
        return lots + 1 if lots else 0


MET = f"""
admin list 1/1 yes no
{MONEY}
bob sell b1 yes 5 @5000
bob sell b2 yes 5 @5000
bob sell b3 yes 5 @5100
ann buy a1 yes 8 @5000
ann buy a2 yes 20 @5000
ann sell a3 yes 2 @4000
"""


@pytest.mark.skipif(is_compiled(), reason="a compiled ladder has no interpreted subclasses")
@pytest.mark.parametrize(
    ("ladder", "law"),
    [
        (LastComesFirst, Law.PRIORITY),
        (Limitless, Law.TRADE_PRICE),
        (BlindToOwners, Law.SELF_TRADE),
        (Boastful, Law.DEPTH),
    ],
)
def test_an_engine_with_a_ladder_that_has_a_bug_is_caught(
    ladder: type[NaiveLadder], law: Law
) -> None:
    assert judged(facts_of(MET, new_ladder=NaiveLadder)) == []
    found = judged(facts_of(MET, new_ladder=ladder))
    assert law in {violation.law for violation in found}, found


# -- facts by hand ---------------------------------------------------------------------------


def grouped(quantity_max: int, *told: GroupFilled, triggered: bool = False) -> Told:
    """Five lots of an order of a group are filled; *told* is what the group says of it."""
    facts = facts_of(PLAIN)
    change_order("a1", group="g")(facts)
    insert(GroupChanged("ann", "g", quantity_max, 1_000), OrderCreated, of_order("a1"))(facts)
    taking = facts[-2][0]
    taking[-1:-1] = list(told)
    if triggered:
        taking.insert(-1, GroupChanged("ann", "g", quantity_max, 1_000, True))
    return facts


def timed(until_ms: int, **fields: Any) -> Told:
    """An order that rests, and a command that comes at *until_ms* after the start."""
    facts = facts_of(PLAIN)
    if "session" in fields:
        insert(SessionChanged("ann", "s", START_MS + 500), OrderCreated, of_order("a2"))(facts)
    change_order("a2", **fields)(facts)
    return [*facts, ([], START_MS + until_ms)]


def exclusive(*rows: Balance, kind: str, lots: int, named: tuple[int, ...] = ()) -> Told:
    """An event of three markets with money behind it, and what a command moves in it."""
    markets = {
        number: Market(market_id=number, token_ids=(f"y{number}", f"n{number}"))
        for number in (1, 2, 3)
    }
    event = Event(event_id=1, markets=markets, exclusive=True)
    listed: list[Change] = [EventAdded(event), answer("AddOneEvent", user_id="")]
    came: list[Change] = [
        Counters(START_MS, 100_000),
        Balance("ann", CASH, 100_000, 0, 1),
        answer("Deposit", 100_000),
    ]
    split: list[Change] = [
        Balance("ann", CASH, 60_000, 0, 2),
        *[Balance("ann", f"y{number}", 4, 0, 2 + number) for number in (1, 2, 3)],
        answer("SplitEvent", 1, 4),
    ]
    pairs: list[Change] = [
        Balance("ann", CASH, 40_000, 0, 6),
        Balance("ann", "y1", 6, 0, 7),
        Balance("ann", "n1", 2, 0, 8),
        answer("Split", 1, 1, 2),
        Balance("ann", CASH, 20_000, 0, 9),
        Balance("ann", "y2", 6, 0, 10),
        Balance("ann", "n2", 2, 0, 11),
        answer("Split", 1, 2, 2),
    ]
    last: list[Change] = [*rows, answer(kind, 1, lots, *named)]
    batches = (listed, came, split, pairs[:4], pairs[4:], last)
    return [(facts, START_MS) for facts in batches]


def answer(kind: str, *content: int, user_id: str = "ann") -> Remembered:
    return Remembered(user_id, kind, f"{kind}-{content}", "accepted", "", START_MS, content)


CONVERTED = (
    Balance("ann", "n1", 0, 0, 12),
    Balance("ann", "n2", 0, 0, 13),
    Balance("ann", "y3", 6, 0, 14),
    Balance("ann", CASH, 40_000, 0, 15),
)


@pytest.mark.parametrize(
    "told",
    [
        grouped(10, GroupFilled("ann", "g", START_MS, 5)),
        grouped(5, GroupFilled("ann", "g", START_MS, 5), triggered=True),
        timed(400, session="s"),
        timed(400, expires_at_ms=START_MS + 500),
        exclusive(*CONVERTED, kind="Convert", lots=2, named=(1, 2)),
        exclusive(
            *[
                Balance("ann", f"y{one}", lots, 0, 11 + one)
                for one, lots in ((1, 5), (2, 5), (3, 3))
            ],
            Balance("ann", CASH, 30_000, 0, 15),
            kind="MergeEvent",
            lots=1,
        ),
    ],
    ids=["group", "full-group", "session", "time", "conversion", "merge"],
)
def test_facts_by_hand_that_are_right_keep_every_law(told: Told) -> None:
    assert judged(told) == []


@pytest.mark.parametrize(
    ("law", "told"),
    [
        (Law.GROUP, grouped(10)),
        (Law.GROUP, grouped(10, GroupFilled("ann", "g", START_MS, 4))),
        (Law.GROUP, grouped(5, GroupFilled("ann", "g", START_MS, 5))),
        (Law.DUE, timed(600, session="s")),
        (Law.DUE, timed(600, expires_at_ms=START_MS + 500)),
        (Law.EXCLUSIVE, exclusive(*CONVERTED[1:], kind="Convert", lots=2, named=(1, 2))),
        (
            Law.HOLDINGS,
            exclusive(
                *CONVERTED[:3],
                Balance("ann", CASH, 60_000, 0, 15),
                kind="Convert",
                lots=2,
                named=(1, 2),
            ),
        ),
    ],
    ids=["untold", "too-little", "over", "session", "time", "set", "cash"],
)
def test_facts_by_hand_that_are_wrong_break_their_law(law: Law, told: Told) -> None:
    assert law in {violation.law for violation in judged(told)}, judged(told)


def test_orders_that_are_leaving_stand_nowhere_until_they_end() -> None:
    """Two orders leave at once; the levels that are told are empty at once, too."""
    told = facts_of(PLAIN.replace("a1 yes 5 @5000", "a1 yes 5 @4500"))
    leaving = Leaving("cancel_all", START_MS, 10**9, user_id="ann")
    update = 3
    gone: list[Change] = [
        OrdersLeaving(leaving, True),
        MarketUpdateId(1, 1, update + 1, ((4_500, 0), (4_000, 0)), (), 0, START_MS),
        Remembered("ann", "CancelAll", "", "accepted", "", START_MS),
    ]
    assert judged([*told, (gone, START_MS)]) == []
    still_told = [fact for fact in gone if not isinstance(fact, MarketUpdateId)]
    assert {one.law for one in judged([*told, (still_told, START_MS)])} == {Law.DEPTH}
    unseen = [fact for fact in gone if not isinstance(fact, OrdersLeaving)]
    assert {one.law for one in judged([*told, (unseen, START_MS)])} == {Law.DEPTH}
