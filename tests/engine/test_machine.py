"""Every command, in every order that Hypothesis finds: all witnesses agree after each one."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from pmengine.commands import (
    AddOneEvent,
    AddOneMarket,
    AmendOrder,
    CancelOrder,
    Command,
    Deposit,
    Merge,
    NewMarket,
    RemoveOneEvent,
    RemoveOneMarket,
    Resolve,
    ResumeAllEvents,
    Split,
    StopAllEvents,
    SubmitOrder,
    Tick,
    Withdraw,
)
from pmstore import OrderType, SelfTrade, Side, Symbol, TimeInForce
from tests.engine.listings import START_MS, USERS, opening, tokens
from tests.engine.witnesses import Witnesses
from tests.thorough import TIMES

passing_ms = st.sampled_from([0, 0, 0, 1, 5, 300, 1_000, 2_500])
users = st.sampled_from(USERS)
prices = st.sampled_from([10, 4_900, 5_000, 5_100, 9_990])
any_price = st.one_of(prices, st.sampled_from([0, 9, 4_999, 9_991, -5_000, 2**63 - 1]))
quantities = st.integers(1, 6)
any_quantity = st.one_of(quantities, st.sampled_from([0, -1, 10**12, 10**12 + 1]))
volumes = st.integers(1, 60_000)
own_ids = st.sampled_from([f"id{number}" for number in range(6)])
markets = st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)])
symbols = st.builds(
    lambda key, first: Symbol(*key, tokens(*key)[not first]),
    st.sampled_from([(1, 1), (1, 1), (1, 2), (2, 1)]),
    st.booleans(),
)
wrong_symbols = st.sampled_from(
    [Symbol(9, 1, "y11"), Symbol(1, 9, "y11"), Symbol(1, 1, "y12"), Symbol(1, 1, "cash")]
)
payouts = st.sampled_from([(10_000, 0), (0, 10_000), (5_000, 5_000), (1, 2), (-1, 10_001)])
sides = st.sampled_from(Side)
self_trades = st.one_of(st.none(), st.sampled_from(SelfTrade))


class Machine(RuleBasedStateMachine):
    """A small exchange on which everything collides."""

    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.witnesses = Witnesses(restart_every=4, **self.options)
        self.time_ms = START_MS
        self.order_ids: list[tuple[str, str]] = []
        self.sent: list[Command] = []

    def take(self, command: Command, passing_ms: int = 0) -> None:
        self.time_ms += passing_ms
        self.sent.append(command)
        self.witnesses.handle(command, self.time_ms)

    def a_new_id(self, user_id: str) -> str:
        order_id = f"o{len(self.order_ids)}"
        self.order_ids.append((order_id, user_id))
        return order_id

    def an_order(self, data: st.DataObject) -> tuple[str, str]:
        known = list(self.witnesses.state.orders.values())
        if known and data.draw(st.integers(0, 9)) < 8:
            order = data.draw(st.sampled_from(known))
            owner = data.draw(st.sampled_from([order.user_id] * 5 + ["zed"]))
            return order.id, owner
        return data.draw(st.sampled_from([*self.order_ids, ("nothing", "ann")]))

    @initialize()
    def open(self) -> None:
        for command in opening():
            self.take(command)

    @rule(
        user_id=users,
        symbol=symbols,
        side=sides,
        price=prices,
        quantity=quantities,
        time_in_force=st.sampled_from([TimeInForce.GTC] * 3 + [TimeInForce.IOC]),
        self_trade=self_trades,
        passing_ms=passing_ms,
    )
    def submit_limit(self, user_id: str, passing_ms: int, **fields: Any) -> None:
        self.take(
            SubmitOrder(
                order_id=self.a_new_id(user_id),
                order_type=OrderType.LIMIT,
                user_id=user_id,
                **fields,
            ),
            passing_ms,
        )

    @rule(user_id=users, symbol=symbols, side=sides, price=prices, quantity=quantities)
    def submit_post_only(self, user_id: str, **fields: Any) -> None:
        self.take(
            SubmitOrder(
                order_id=self.a_new_id(user_id),
                order_type=OrderType.LIMIT,
                user_id=user_id,
                post_only=True,
                **fields,
            )
        )

    @rule(
        user_id=users,
        symbol=symbols,
        price=st.one_of(st.none(), prices),
        self_trade=self_trades,
        amount=st.one_of(volumes, quantities),
        buys=st.booleans(),
    )
    def submit_market(self, user_id: str, amount: int, buys: bool, **fields: Any) -> None:
        self.take(
            SubmitOrder(
                order_id=self.a_new_id(user_id),
                side=Side.BUY if buys else Side.SELL,
                order_type=OrderType.MARKET,
                user_id=user_id,
                volume=amount if buys else 0,
                quantity=0 if buys else amount,
                **fields,
            )
        )

    @rule(
        user_id=st.one_of(users, st.sampled_from(["", "new", "x" * 256, "a\nb"])),
        client_order_id=st.one_of(st.none(), own_ids, st.just("")),
        symbol=st.one_of(symbols, wrong_symbols),
        side=sides,
        order_type=st.sampled_from(OrderType),
        price=st.one_of(st.none(), any_price),
        quantity=any_quantity,
        volume=st.sampled_from([0, 0, 0, 1, -1, 50_000, 9 * 10**18 + 1]),
        time_in_force=st.sampled_from(TimeInForce),
        expires_at_ms=st.sampled_from([None, None, None, START_MS + 10**6]),
        post_only=st.booleans(),
        self_trade=self_trades,
        valid_for_ms=st.sampled_from([None, -1, 0, 400, 10**9]),
        old_id=st.booleans(),
        passing_ms=passing_ms,
        data=st.data(),
    )
    def submit_anything(
        self,
        user_id: str,
        valid_for_ms: int | None,
        old_id: bool,
        passing_ms: int,
        data: st.DataObject,
        **fields: Any,
    ) -> None:
        order_id = self.an_order(data)[0] if old_id else self.a_new_id(user_id)
        valid_until_ms = None if valid_for_ms is None else self.time_ms + valid_for_ms
        self.take(
            SubmitOrder(
                order_id=order_id, user_id=user_id, valid_until_ms=valid_until_ms, **fields
            ),
            passing_ms,
        )

    @rule(data=st.data(), passing_ms=passing_ms)
    def repeat(self, data: st.DataObject, passing_ms: int) -> None:
        self.take(data.draw(st.sampled_from(self.sent[-12:])), passing_ms)

    @rule(data=st.data(), wrong_symbol=st.booleans())
    def cancel(self, data: st.DataObject, wrong_symbol: bool) -> None:
        order_id, user_id = self.an_order(data)
        symbol = data.draw(symbols) if wrong_symbol else None
        self.take(CancelOrder(order_id=order_id, user_id=user_id, symbol=symbol))

    @rule(
        data=st.data(),
        price=st.one_of(st.none(), prices, any_price),
        quantity=st.one_of(st.none(), quantities, quantities, any_quantity),
        passing_ms=passing_ms,
    )
    def amend(
        self, data: st.DataObject, price: int | None, quantity: int | None, passing_ms: int
    ) -> None:
        order_id, user_id = self.an_order(data)
        self.take(
            AmendOrder(order_id=order_id, user_id=user_id, price=price, quantity=quantity),
            passing_ms,
        )

    @rule(
        kind=st.sampled_from([Deposit, Withdraw]),
        id=own_ids,
        user_id=users,
        amount=st.sampled_from([1, 10_000, 999_999_999, 0, -1, 9 * 10**18]),
        passing_ms=passing_ms,
    )
    def move_cash(self, kind: Any, passing_ms: int, **fields: Any) -> None:
        self.take(kind(**fields), passing_ms)

    @rule(
        kind=st.sampled_from([Split, Merge]),
        id=own_ids,
        user_id=st.one_of(users, st.just("new")),
        market=markets,
        quantity=st.one_of(any_quantity, st.sampled_from([490, 500])),
        passing_ms=passing_ms,
    )
    def pairs(self, kind: Any, market: tuple[int, int], passing_ms: int, **fields: Any) -> None:
        self.take(kind(event_id=market[0], market_id=market[1], **fields), passing_ms)

    @rule(stop=st.booleans())
    def stop_or_resume(self, stop: bool) -> None:
        self.take(StopAllEvents() if stop else ResumeAllEvents())

    @rule(market=markets, payouts=payouts, passing_ms=passing_ms)
    def resolve(self, market: tuple[int, int], payouts: tuple[int, int], passing_ms: int) -> None:
        self.take(Resolve(event_id=market[0], market_id=market[1], payouts=payouts), passing_ms)

    @rule(market=markets)
    def remove_market(self, market: tuple[int, int]) -> None:
        self.take(RemoveOneMarket(event_id=market[0], market_id=market[1]))

    @rule(event_id=st.sampled_from([1, 2]))
    def remove_event(self, event_id: int) -> None:
        self.take(RemoveOneEvent(event_id=event_id))

    @rule(market=markets, tick_size=st.sampled_from([1, 1, 100, 3]))
    def add_market(self, market: tuple[int, int], tick_size: int) -> None:
        new = NewMarket(token_ids=tokens(*market), tick_size=tick_size)
        self.take(AddOneMarket(event_id=market[0], market_id=market[1], market=new))

    @rule(
        event_id=st.integers(0, 3),
        market_ids=st.sampled_from([(), (1,), (1, 2)]),
        end_date=st.sampled_from(
            [None, "2024-01-01T12:00:03Z", "2024-01-01T13:00:09.5+01:00", "2024-01-01T12:00:30"]
        ),
        passing_ms=passing_ms,
    )
    def add_event(
        self, event_id: int, market_ids: tuple[int, ...], end_date: str | None, passing_ms: int
    ) -> None:
        listed = {number: NewMarket(token_ids=tokens(event_id, number)) for number in market_ids}
        command = AddOneEvent(event_id=event_id, markets=listed, end_date=end_date)
        self.take(command, passing_ms)

    @rule(passing_ms=passing_ms)
    def tick(self, passing_ms: int) -> None:
        self.take(Tick(), passing_ms)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"step_max": 2, "self_trade": SelfTrade.CANCEL_BOTH},
        {"id_memory_s": 1, "step_max": 1, "shard": 1023},
        {"ledger": False, "step_max": 3},
    ],
    ids=["plain", "small-steps", "short-memory", "no-ledger"],
)
def test_all_witnesses_agree_after_every_command(options: dict[str, Any]) -> None:
    machine = type("Exchange", (Machine,), {"options": options})
    chosen = settings(max_examples=12 * TIMES, stateful_step_count=30)
    run_state_machine_as_test(machine, settings=chosen)
