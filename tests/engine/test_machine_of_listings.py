"""Exclusive events, conversions, voids, pauses and windows for makers, among everything else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from pmengine.commands import (
    AddOneEvent,
    AddOneMarket,
    Convert,
    Merge,
    MergeEvent,
    PauseMarket,
    PostOnly,
    RemoveOneMarket,
    Resolve,
    ResolveEvent,
    ResumeAllEvents,
    ResumeMarket,
    Split,
    SplitEvent,
    SubmitOrder,
)
from pmstore import OrderType, SelfTrade, TimeInForce
from tests.engine.listings import (
    EXCLUSIVE_ID,
    LINEAR,
    QUADRATIC,
    exclusive_event,
    market,
    opening,
    symbol,
)
from tests.engine.test_machine import (
    Machine,
    any_quantity,
    own_ids,
    passing_ms,
    prices,
    quantities,
    self_trades,
    sides,
    users,
)
from tests.thorough import TIMES

event_ids = st.sampled_from([EXCLUSIVE_ID] * 8 + [1, 9])
market_ids = st.sampled_from([1, 2, 3])
places = st.sampled_from([(EXCLUSIVE_ID, 1), (EXCLUSIVE_ID, 2), (1, 1), (2, 1), (2, 9), (9, 1)])
periods_ms = st.sampled_from([0, 1, 700, 2_500, -1, 2**63 - 1])
some_payouts = st.sampled_from(
    [
        ((10_000, 0), (0, 10_000), (0, 10_000)),
        ((0, 10_000), (0, 10_000), (10_000, 0)),
        ((3_333, 6_667), (1, 9_999), (6_666, 3_334)),
        ((10_000, 0), (10_000, 0), (0, 10_000)),
        ((10_001, -1), (-1, 10_001), (0, 10_000)),
        ((10_000, 0), (0, 10_000)),
        ((10_000, 0),),
    ]
)


class Listings(Machine):
    """The small exchange with an exclusive event besides."""

    @initialize()
    def open(self) -> None:
        for command in opening(exclusive=True):
            self.take(command)

    @rule(
        user_id=users,
        market_id=market_ids,
        first=st.booleans(),
        price=prices,
        time_in_force=st.sampled_from([TimeInForce.GTC] * 3 + [TimeInForce.IOC, TimeInForce.FOK]),
        post_only=st.booleans(),
        side=sides,
        quantity=quantities,
        self_trade=self_trades,
        passing_ms=passing_ms,
    )
    def submit_to_it(
        self,
        user_id: str,
        market_id: int,
        first: bool,
        time_in_force: TimeInForce,
        post_only: bool,
        passing_ms: int,
        **fields: Any,
    ) -> None:
        rests = time_in_force is TimeInForce.GTC
        self.take(
            SubmitOrder(
                order_id=self.a_new_id(user_id),
                symbol=symbol(EXCLUSIVE_ID, market_id, first),
                order_type=OrderType.LIMIT,
                user_id=user_id,
                time_in_force=time_in_force,
                post_only=post_only and rests,
                **fields,
            ),
            passing_ms,
        )

    @rule(
        kind=st.sampled_from([SplitEvent, MergeEvent]),
        id=own_ids,
        user_id=st.one_of(users, st.just("new")),
        event_id=event_ids,
        quantity=st.one_of(any_quantity, st.sampled_from([690, 700, 200])),
        passing_ms=passing_ms,
    )
    def set_of_it(self, kind: Any, passing_ms: int, **fields: Any) -> None:
        self.take(kind(**fields), passing_ms)

    @rule(
        id=own_ids,
        user_id=st.one_of(users, st.just("new")),
        event_id=event_ids,
        market_ids=st.sampled_from(
            [(1,), (2,), (3,), (1, 2), (3, 1), (1, 2, 3), (3, 2, 1), (), (1, 1), (1, 4)]
        ),
        quantity=st.one_of(any_quantity, st.sampled_from([490, 500])),
        passing_ms=passing_ms,
    )
    def convert(self, passing_ms: int, **fields: Any) -> None:
        self.take(Convert(**fields), passing_ms)

    @rule(
        kind=st.sampled_from([Split, Merge]),
        id=own_ids,
        user_id=users,
        market_id=market_ids,
        quantity=st.sampled_from([1, 5, 490, 500]),
    )
    def pairs_of_it(self, kind: Any, **fields: Any) -> None:
        self.take(kind(event_id=EXCLUSIVE_ID, **fields))

    @rule(data=st.data(), passing_ms=passing_ms)
    def give_all_back(self, data: st.DataObject, passing_ms: int) -> None:
        """Somebody merges as many pairs of a market, or sets, as there are at hand."""
        user_id = data.draw(users)
        balances = self.witnesses.fold.balances

        def lots(*assets: str) -> int:
            rows = [balances.get(asset, {}).get(user_id) for asset in assets]
            return min(0 if row is None else row.available for row in rows)

        fields: dict[str, Any] = {
            "id": f"all{len(self.sent)}",
            "user_id": user_id,
            "event_id": EXCLUSIVE_ID,
        }
        number = data.draw(st.sampled_from([0, 1, 2, 3]))
        if number:
            pair = [symbol(EXCLUSIVE_ID, number, first).token_id for first in (True, False)]
            self.take(Merge(market_id=number, quantity=lots(*pair), **fields), passing_ms)
        else:
            firsts = [symbol(EXCLUSIVE_ID, one).token_id for one in (1, 2, 3)]
            self.take(MergeEvent(quantity=lots(*firsts), **fields), passing_ms)

    @rule(
        event_id=event_ids,
        some=some_payouts,
        void=st.booleans(),
        both=st.sampled_from([False] * 9 + [True]),
        passing_ms=passing_ms,
    )
    def resolve_event(
        self,
        event_id: int,
        some: tuple[tuple[int, int], ...],
        void: bool,
        both: bool,
        passing_ms: int,
    ) -> None:
        payouts = None if void and not both else dict(enumerate(some, 1))
        self.take(ResolveEvent(event_id=event_id, payouts=payouts, void=void), passing_ms)

    @rule(place=places, passing_ms=passing_ms)
    def void(self, place: tuple[int, int], passing_ms: int) -> None:
        self.take(Resolve(event_id=place[0], market_id=place[1], void=True), passing_ms)

    @rule(place=places, pause=st.booleans())
    def pause_or_resume_market(self, place: tuple[int, int], pause: bool) -> None:
        kind = PauseMarket if pause else ResumeMarket
        self.take(kind(event_id=place[0], market_id=place[1]))

    @rule(period_ms=periods_ms, resume=st.booleans(), passing_ms=passing_ms)
    def makers_only(self, period_ms: int, resume: bool, passing_ms: int) -> None:
        if resume:
            self.take(ResumeAllEvents(post_only_ms=period_ms), passing_ms)
        else:
            self.take(PostOnly(for_ms=period_ms), passing_ms)

    @rule()
    def list_it_again(self) -> None:
        self.take(exclusive_event())

    @rule(fees=st.sampled_from([None, LINEAR, QUADRATIC]), exclusive=st.booleans())
    def list_another(self, fees: Any, exclusive: bool) -> None:
        markets = {number: market(2, number, 1, fees) for number in (1, 2)}
        self.take(AddOneEvent(event_id=2, markets=markets, exclusive=exclusive))

    @rule(number=st.sampled_from([1, 3, 4, 5]), add=st.booleans())
    def change_its_markets(self, number: int, add: bool) -> None:
        if add:
            new = market(EXCLUSIVE_ID, number)
            self.take(AddOneMarket(event_id=EXCLUSIVE_ID, market_id=number, market=new))
        else:
            self.take(RemoveOneMarket(event_id=EXCLUSIVE_ID, market_id=number))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"step_max": 2, "self_trade": SelfTrade.CANCEL_BOTH},
        {"id_memory_s": 1, "step_max": 1, "fee_account": "ann"},
        {"ledger": False, "step_max": 1},
    ],
    ids=["plain", "small-steps", "short-memory", "no-ledger"],
)
def test_all_witnesses_agree_after_every_command(options: dict[str, Any]) -> None:
    machine = type("Exchange", (Listings,), {"options": options})
    chosen = settings(max_examples=12 * TIMES, stateful_step_count=30)
    run_state_machine_as_test(machine, settings=chosen)
