"""Times, cancel-alls, groups and sessions, among everything else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from pmengine.commands import CancelAll, Heartbeat, OrderGroup, SubmitOrder
from pmstore import OrderType, SelfTrade, TimeInForce
from tests.engine.listings import symbol
from tests.engine.test_machine import (
    Machine,
    passing_ms,
    prices,
    quantities,
    self_trades,
    sides,
    symbols,
    users,
)
from tests.thorough import TIMES

groups = st.sampled_from(["g", "h"])
sessions = st.sampled_from(["s", "t"])
any_name = st.sampled_from([None, None, "", "nobody's", "g", "s"])
kinds = st.sampled_from([TimeInForce.GTC] * 3 + [TimeInForce.IOC, TimeInForce.FOK])
periods_ms = st.sampled_from([1, 1, 5, 300, 1_000, 2_500])


class Leavings(Machine):
    """The small exchange, whose users put their orders in groups and sessions."""

    @initialize()
    def begin(self) -> None:
        for user_id in ("ann", "bob"):
            self.take(OrderGroup(user_id=user_id, group="g", quantity_max=7, window_ms=1_000))
            self.take(Heartbeat(user_id=user_id, session="s", timeout_ms=5_000))

    @rule(
        user_id=users,
        symbol=st.one_of(st.just(symbol(1, 1)), symbols),
        side=sides,
        price=prices,
        quantity=quantities,
        kind=kinds,
        rests_ms=st.one_of(st.none(), st.none(), periods_ms),
        self_trade=self_trades,
        group=st.one_of(st.none(), groups, st.just("g")),
        session=st.one_of(st.none(), st.none(), sessions),
        post_only=st.sampled_from([False] * 5 + [True]),
        passing_ms=passing_ms,
    )
    def submit_member(
        self, user_id: str, kind: TimeInForce, rests_ms: int | None, passing_ms: int, **fields: Any
    ) -> None:
        self.take(
            SubmitOrder(
                order_id=self.a_new_id(user_id),
                order_type=OrderType.LIMIT,
                user_id=user_id,
                time_in_force=kind if rests_ms is None else TimeInForce.GTD,
                expires_at_ms=None if rests_ms is None else self.time_ms + passing_ms + rests_ms,
                **fields,
            ),
            passing_ms,
        )

    @rule(
        user_id=users,
        symbol=symbols,
        side=sides,
        amount=quantities,
        self_trade=self_trades,
        group=groups,
        session=st.one_of(st.none(), sessions),
    )
    def submit_market_of_a_group(self, user_id: str, amount: int, **fields: Any) -> None:
        buys = fields["side"].value == "Buy"
        self.take(
            SubmitOrder(
                order_id=self.a_new_id(user_id),
                order_type=OrderType.MARKET,
                user_id=user_id,
                volume=amount * 5_000 if buys else 0,
                quantity=0 if buys else amount,
                **fields,
            )
        )

    @rule(
        user_id=users,
        event_id=st.sampled_from([None, None, 1, 2, 9, 0]),
        market_id=st.sampled_from([None, None, 1, 2, 0]),
        group=st.one_of(st.none(), st.none(), groups, any_name),
        session=st.one_of(st.none(), st.none(), sessions, any_name),
        passing_ms=passing_ms,
    )
    def cancel_all(self, passing_ms: int, **fields: Any) -> None:
        self.take(CancelAll(**fields), passing_ms)

    @rule(
        user_id=users,
        group=groups,
        quantity_max=st.sampled_from([0, 1, 2, 5, 7, 10**12, -1]),
        window_ms=st.sampled_from([1, 5, 1_000, 10**6, 0, 2**63 - 1]),
        passing_ms=passing_ms,
    )
    def set_group(self, passing_ms: int, **fields: Any) -> None:
        self.take(OrderGroup(**fields), passing_ms)

    @rule(
        user_id=users,
        session=sessions,
        timeout_ms=st.sampled_from([1, 5, 1_000, 3_000, 3_000, 0, -1, 2**63 - 1]),
        passing_ms=passing_ms,
    )
    def beat(self, passing_ms: int, **fields: Any) -> None:
        self.take(Heartbeat(**fields), passing_ms)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"step_max": 2, "self_trade": SelfTrade.NONE},
        {"id_memory_s": 1, "step_max": 1, "shard": 1023},
        {"ledger": False, "step_max": 1, "self_trade": SelfTrade.CANCEL_MAKER},
    ],
    ids=["plain", "small-steps", "short-memory", "no-ledger"],
)
def test_all_witnesses_agree_whatever_leaves_at_once(options: dict[str, Any]) -> None:
    machine = type("Exchange", (Leavings,), {"options": options})
    chosen = settings(max_examples=12 * TIMES, stateful_step_count=40)
    run_state_machine_as_test(machine, settings=chosen)
