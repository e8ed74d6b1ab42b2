"""Follows every order by facts: how it comes, trades, changes, pays and ends; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from pmengine.invariants.laws import Law, Violation, market_name
from pmengine.invariants.needs import FEE_UNIT, exact_fee, market_of, paid_fee
from pmengine.invariants.queues import Handler
from pmengine.invariants.single import order_violations
from pmengine.invariants.trades import check_trade
from pmstore import (
    ACCEPTED,
    Balance,
    EventAdded,
    MarketAdded,
    MarketState,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderUpdated,
    Remembered,
    SelfTrade,
    State,
    TimeInForce,
    Trade,
)

_KEPT: Final = tuple(
    field.name
    for field in attrs.fields(Order)
    if field.name
    not in {
        "quantity",
        "price",
        "status",
        "filled_quantity",
        "remaining_quantity",
        "order_num",
        "version",
        "fee_exact",
        "fee_paid",
    }
)
"""What no change of an order changes."""


@attrs.define
class _Traded:
    """What an order traded since it was told last."""

    lots: int = 0
    spent: int = 0
    exact: int = 0
    paid: int = 0


class Lives:
    """
    The lives of orders. Each handler sees its fact before the state folds it.

    What an order traded must be told by its next fact within the same command.
    """

    def __init__(self, state: State, found: list[Violation]) -> None:
        self._state = state
        self._found = found
        self._traded_lots: dict[str, _Traded] = {}
        self._changed: dict[str, None] = {}
        self._made: list[str] = []
        """What only a command that is accepted does, since the last answer."""
        self.handlers: Mapping[type, Handler] = {
            OrderCreated: self._created,
            OrderUpdated: self._updated,
            OrderFilled: self._ended,
            OrderCancelled: self._ended,
            Trade: self._traded,
            Balance: self._balance,
            EventAdded: self._listed,
            MarketAdded: self._listed,
            Remembered: self._answered,
        }

    def settle(self) -> Iterator[Violation]:
        """What is wrong with the orders that a command touched, now that it is over."""
        state = self._state
        for order_id in self._changed:
            order = state.orders.get(order_id)
            if order is not None:
                yield from order_violations(state, order)
        self._changed.clear()
        for order_id, traded in self._traded_lots.items():
            text = f"traded {traded.lots} lots, and no fact says what became of it"
            yield Violation(Law.FILLS, f"order {order_id}", text)
        self._traded_lots.clear()

    def _say(self, law: Law, subject: str, text: str) -> None:
        self._found.append(Violation(law, subject, text))

    def _created(self, fact: OrderCreated) -> None:
        state, order = self._state, fact.order
        name = f"order {order.id}"
        self._changed[order.id] = None
        self._made.append(f"{name} comes in")
        self._version(order.user_id, order.version, name)
        if order.id in state.orders or order.id in state.order_ids:
            self._say(Law.LIFE, name, "its id was given to an order before")
        if order.filled_quantity or order.fee_exact or order.fee_paid or order.spent:
            self._say(Law.LIFE, name, "comes in with fills or fees")
        if order.order_num <= state.order_counter:
            text = f"number {order.order_num} comes after {state.order_counter}"
            self._say(Law.QUEUE, name, text)
        market = market_of(state, order)
        if market is None:
            self._say(Law.ADMISSION, name, "its market is not listed")
        elif market.state is not MarketState.OPEN:
            self._say(Law.ADMISSION, name, f"comes into a market that is {market.state.value}")
        if state.paused:
            self._say(Law.ADMISSION, name, "comes in while everything is paused")
        if order.timestamp < state.post_only_until_ms and not order.post_only:
            text = f"takes before {state.post_only_until_ms}, while only makers are let in"
            self._say(Law.ADMISSION, name, text)

    def _updated(self, fact: OrderUpdated) -> None:
        order = fact.order
        name = f"order {order.id}"
        self._changed[order.id] = None
        self._made.append(f"{name} changes")
        self._version(order.user_id, order.version, name)
        known = self._state.orders.get(order.id)
        traded = self._traded_lots.pop(order.id, None) or _Traded()
        if known is None:
            self._say(Law.LIFE, name, "changes and is not open")
            return
        changed = [field for field in _KEPT if getattr(order, field) != getattr(known, field)]
        if changed:
            self._say(Law.LIFE, name, f"another {', '.join(changed)} than before")
        if order.order_num != known.order_num:
            if order.order_num <= self._state.order_counter:
                text = f"queues again as {order.order_num} after {self._state.order_counter}"
                self._say(Law.QUEUE, name, text)
        elif order.price != known.price or order.quantity > known.quantity:
            self._say(Law.QUEUE, name, "keeps its place with another price or more lots")
        self._filled(known, order.filled_quantity, traded, name)
        exact, paid = known.fee_exact + traded.exact, known.fee_paid + traded.paid
        if (order.fee_exact, order.fee_paid) != (exact, paid):
            text = (
                f"has paid {order.fee_paid} micros of {order.fee_exact}/10^10, and its fills "
                f"come to {paid} of {exact}/10^10"
            )
            self._say(Law.FEES, name, text)

    def _ended(self, fact: OrderFilled | OrderCancelled) -> None:
        name = f"order {fact.order_id}"
        self._changed.pop(fact.order_id, None)
        self._version(fact.user_id, fact.version, name)
        order = self._state.orders.get(fact.order_id)
        traded = self._traded_lots.pop(fact.order_id, None) or _Traded()
        if order is None:
            self._say(Law.LIFE, name, "ends and is not open")
            return
        if (fact.user_id, fact.symbol) != (order.user_id, order.symbol):
            self._say(Law.LIFE, name, "ends as another user's, or in another market")
        done, left = fact.filled_quantity, fact.remaining_quantity
        self._filled(order, done, traded, name)
        quantity = done if order.volume else order.quantity
        if done + left != quantity:
            text = f"ends with {done} filled and {left} remaining of {quantity}"
            self._say(Law.QUANTITY, name, text)
        if isinstance(fact, OrderFilled) != (done > 0 and not left):
            what = "Filled" if isinstance(fact, OrderFilled) else "Cancelled"
            self._say(Law.STATUS, name, f"ends {what} with {done} filled and {left} remaining")
        if order.time_in_force is TimeInForce.FOK and left:
            self._say(Law.LIFE, name, f"is fill-or-kill, and {left} lots remain")
        spent = traded.spent + traded.paid if order.volume else 0
        if fact.spent != spent or spent > order.volume:
            text = f"spent {fact.spent} of {order.volume}, and its trades come to {spent}"
            self._say(Law.FILLS, name, text)

    def _filled(self, known: Order, done: int, traded: _Traded, name: str) -> None:
        expected = known.filled_quantity + traded.lots
        if done != expected:
            text = f"has {done} lots filled, and its trades come to {expected}"
            self._say(Law.FILLS, name, text)

    def _traded(self, trade: Trade) -> None:
        state = self._state
        name = f"trade {trade.trade_id}"
        if trade.trade_id <= state.trade_counter:
            text = f"comes after trade {state.trade_counter}"
            self._say(Law.TRADE_NUMBERS, name, text)
        taker = state.orders.get(trade.taker_order_id)
        maker = state.orders.get(trade.maker_order_id)
        self._found.extend(check_trade(trade, taker, maker))
        if taker is None or maker is None:
            return
        if taker.user_id == maker.user_id and taker.self_trade is not SelfTrade.NONE:
            text = f"{taker.user_id} trades alone with mode {taker.self_trade.value}"
            self._say(Law.SELF_TRADE, name, text)
        market = market_of(state, taker)
        if market is None or market.state is not MarketState.OPEN:
            symbol = trade.symbol
            text = f"{market_name(symbol.event_id, symbol.market_id)} is not open"
            self._say(Law.ADMISSION, name, text)
            return
        if state.paused or trade.timestamp < state.post_only_until_ms:
            # Nobody who comes in may take, and no amend may trade.
            self._say(Law.ADMISSION, name, "is made while no order may take")
        if maker.expires_at_ms is not None and maker.expires_at_ms <= trade.timestamp:
            text = f"its maker, order {maker.id}, expired at {maker.expires_at_ms}"
            self._say(Law.DUE, name, text)
        fees = market.fees
        for order, price, paid, rate in (
            (taker, trade.price, trade.taker_fee, fees.taker_ppm if fees else 0),
            (maker, trade.maker_price, trade.maker_fee, fees.maker_ppm if fees else 0),
        ):
            traded = self._traded_lots.setdefault(order.id, _Traded())
            traded.lots += trade.quantity
            traded.spent += price * trade.quantity
            if fees is not None:
                traded.exact += exact_fee(fees, rate, price, trade.quantity)
            due = paid_fee(order.fee_exact + traded.exact) - order.fee_paid - traded.paid
            traded.paid += paid
            if paid != due:
                exact = order.fee_exact + traded.exact
                text = f"{paid} micros of fees for order {order.id}, and {due} are due "
                text += f"(its exact fees: {exact / FEE_UNIT:.4f})"
                self._say(Law.FEES, name, text)

    def _listed(self, fact: EventAdded | MarketAdded) -> None:
        event_id = fact.event.event_id if isinstance(fact, EventAdded) else fact.event_id
        self._made.append(f"event {event_id} is added to")

    def _answered(self, answer: Remembered) -> None:
        if self._made and (answer.repeat or answer.outcome != ACCEPTED):
            what = "a repeat" if answer.repeat else f"refused as {answer.outcome}"
            name = f"{answer.kind} of {answer.user_id or 'nobody'}"
            self._say(Law.REFUSED, name, f"is {what}, and {self._made[0]}")
        self._made.clear()

    def _balance(self, row: Balance) -> None:
        self._version(row.user_id, row.version, f"{row.user_id}'s {row.asset}")

    def _version(self, user_id: str, version: int, name: str) -> None:
        last = self._state.user_update_ids.get(user_id, 0)
        if version != last + 1:
            text = f"update {version} of {user_id} follows {last}"
            self._say(Law.VERSIONS, name, text)
