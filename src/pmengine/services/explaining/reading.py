"""Reads the life of one order from batches of the log; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from pmengine.invariants.needs import need_of
from pmengine.services.explaining.endings import REASONS, filled_order, why_ended
from pmengine.services.explaining.rules import Rule
from pmengine.services.explaining.steps import Life, Step
from pmengine.services.explaining.telling import (
    amount,
    fill_words,
    money,
    price_words,
    refusal_words,
    shares,
    terms,
)
from pmstore import (
    ACCEPTED,
    CASH,
    SUBMIT_ORDER,
    Batch,
    Change,
    Event,
    EventAdded,
    Market,
    MarketAdded,
    MarketKey,
    MatchType,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    OrderUpdated,
    Position,
    Remembered,
    SelfTrade,
    Side,
    Trade,
    ended_order,
)

_ALWAYS: Final = (b'"EventAdded"', b'"MarketAdded"', b'"OrdersLeaving"')
"""What must be read though it names no order: fees, and orders that left together."""
_MATCHES: Final = {
    MatchType.NORMAL: Rule.NORMAL,
    MatchType.MINT: Rule.MINT,
    MatchType.MERGE: Rule.MERGE,
}


class _Where(NamedTuple):
    position: Position
    batch: Batch
    answer: Remembered | None
    """The outcome of the command that did it, None if it was due by itself."""


class LifeReader:
    """
    Collects the steps of an order while the log is read in order.

    Only entries that `concerns` says yes to have to be decoded.
    """

    def __init__(self, order_id: str) -> None:
        self.life = Life(order_id)
        self._id = order_id
        self._order: Order | None = None
        """As it is, while it is open."""
        self._rests = False
        self._own_id = order_id
        self._markets: dict[MarketKey, Market] = {}
        self._needles = [_text_of(order_id), *_ALWAYS]

    def concerns(self, payload: bytes) -> bool:
        """Whether an entry of the log may say something of the order."""
        return any(needle in payload for needle in self._needles)

    def list_events(self, events: Sequence[Event]) -> None:
        """The markets that there are where the reading begins."""
        for event in events:
            for market in event.markets.values():
                self._markets[event.event_id, market.market_id] = market

    def take_up(self, order: Order, name: str, number: int) -> None:
        """The order is open already where the reading begins."""
        self._order = self.life.order = order
        self.life.is_open = self._rests = True
        self._know(order)
        asset, need = self._need(order)
        text = f"rests in {name}, at entry {number}: {terms(order)}, "
        text += f"{shares(order.filled_quantity)} of it filled; {amount(asset, need)} frozen"
        self._add(
            "known", text, None, None, None, time_ms=order.timestamp, asset=asset, frozen=need
        )

    def read(self, position: Position, batch: Batch) -> None:
        """Read one entry; those before it were read, or do not concern the order."""
        begin = 0
        for index, change in enumerate(batch.changes):
            if isinstance(change, Remembered):
                where = _Where(position, batch, change)
                self._command(batch.changes[begin : index + 1], begin, where)
                begin = index + 1
        self._command(batch.changes[begin:], begin, _Where(position, batch, None))

    # -- a command -----------------------------------------------------------------------

    def _command(self, changes: Sequence[Change], first: int, where: _Where) -> None:
        entered = False
        told = len(self.life.steps)
        for index, change in enumerate(changes, first):
            match change:
                case EventAdded():
                    self.list_events([change.event])
                case MarketAdded():
                    self._markets[change.event_id, change.market.market_id] = change.market
                case OrderCreated() if change.order.id == self._id:
                    self._created(change.order, where, index)
                    entered = True
                case OrderUpdated() if change.order.id == self._id:
                    entered = self._updated(change.order, where, index) or entered
                case Trade() if self._id in (change.taker_order_id, change.maker_order_id):
                    self._traded(change, where, index)
                case OrderFilled() | OrderCancelled() if change.order_id == self._id:
                    self._ended(change, where, index)
                    entered = False
                case OrdersLeaving():
                    self._left(change, where, index)
                case Remembered():
                    if entered:
                        self._rest(where, index)
                    self._answered(change, where, index, is_told=len(self.life.steps) > told)

    def _created(self, order: Order, where: _Where, index: int) -> None:
        self._order = self.life.order = order
        self.life.is_open = True
        self._rests = False
        self._know(order)
        text = f"accepted as number {order.order_num}: {terms(order)}"
        if order.self_trade is not SelfTrade.CANCEL_TAKER:
            text += f"; meeting an own order: {order.self_trade.value}"
        self._add("accepted", text, Rule.ADMISSION, where, index, time_ms=order.timestamp)

    def _updated(self, order: Order, where: _Where, index: int) -> bool:
        """Take an order as it is now; whether it queues again."""
        before = self._order
        self._order = self.life.order = order
        self._know(order)
        if before is None or (before.price, before.quantity, before.order_num) == (
            order.price,
            order.quantity,
            order.order_num,
        ):
            return False
        asset, was = self._need(before)
        queues = order.order_num != before.order_num
        text = f"amended to {shares(order.quantity)} at {price_words(order.price)}"
        if queues:
            self._rests = False
            text += f"; it queues again as number {order.order_num}"
            released = was
        else:
            released = was - self._need(order)[1]
            text += f" and kept its place; {amount(asset, released)} released"
        rule = Rule.AMEND_QUEUES if queues else Rule.AMEND_KEEPS
        self._add("amended", text, rule, where, index, asset=asset, released=released)
        return queues

    def _traded(self, trade: Trade, where: _Where, index: int) -> None:
        order = self._order
        is_taker = trade.taker_order_id == self._id
        if order is None:
            text = f"traded {shares(trade.quantity)} in trade {trade.trade_id}"
            self._add("filled", text, _MATCHES[trade.match_type], where, index)
            return
        price = trade.price if is_taker else trade.maker_price
        fee = trade.taker_fee if is_taker else trade.maker_fee
        text = fill_words(trade, order, is_taker=is_taker)
        if fee:
            text += f"; fee {money(fee)}"
        better = order.price - price if order.side is Side.BUY else price - order.price
        released = 0
        rule = _MATCHES[trade.match_type]
        if better > 0:
            gained = money(better * trade.quantity)
            text += f"; {gained} better than its limit"
            rule = Rule.IMPROVEMENT
        asset, was = self._need(order)
        after = filled_order(order, trade, self._market(order), is_taker=is_taker)
        self._order = self.life.order = after
        if self._rests:
            paid = price * trade.quantity + fee if asset == CASH else trade.quantity
            released = was - self._need(after)[1] - paid
            if released:
                text += f"; {amount(asset, released)} of what was frozen released"
        self._add(
            "filled",
            text,
            rule,
            where,
            index,
            time_ms=trade.timestamp,
            asset=asset,
            released=released,
            details={
                "trade_id": trade.trade_id,
                "role": "taker" if is_taker else "maker",
                "match_type": trade.match_type.value,
                "price": price,
                "quantity": trade.quantity,
                "fee": fee,
                "improvement": max(better, 0) * trade.quantity,
                "other_order_id": trade.maker_order_id if is_taker else trade.taker_order_id,
                "other_user_id": trade.maker_user_id if is_taker else trade.taker_user_id,
            },
        )

    def _ended(self, end: OrderFilled | OrderCancelled, where: _Where, index: int) -> None:
        order = self._order
        rule, why = why_ended(end, where.answer, order)
        asset, released = None, 0
        kind = "cancelled" if isinstance(end, OrderCancelled) else "completed"
        text = why
        left = end.remaining_quantity
        if isinstance(end, OrderCancelled) and left:
            text += f"; {shares(left)} remained"
        if order is not None:
            if self._rests and kind == "cancelled":
                asset, released = self._need(order)
                text += f", {amount(asset, released)} released"
            elif order.volume:
                asset, released = CASH, order.volume - end.spent
                text += f"; spent {money(end.spent)} of {money(order.volume)}"
            self.life.order = ended_order(order, end)
        self._order, self._rests, self.life.is_open = None, False, False
        self._add(
            kind,
            text,
            rule,
            where,
            index,
            time_ms=end.timestamp,
            asset=asset,
            released=released,
            details={"reason": end.reason} if end.reason else {},
        )

    def _left(self, fact: OrdersLeaving, where: _Where, index: int) -> None:
        order = self._order
        if order is None or not fact.working or not fact.leaving.concerns(order):
            return
        rule, why = REASONS[fact.leaving.reason]
        text = f"left the ladder: {why}; it no longer trades, its end follows"
        self._add("leaving", text, rule, where, index, time_ms=fact.leaving.time_ms)

    def _rest(self, where: _Where, index: int) -> None:
        order = self._order
        if order is None or self._rests:
            return
        self._rests = True
        asset, need = self._need(order)
        text = f"rests: {shares(order.remaining_quantity)} at {price_words(order.price)}, "
        text += f"{amount(asset, need)} frozen"
        self._add("rests", text, Rule.RESTING, where, index, asset=asset, frozen=need)

    def _note_meant(self, answer: Remembered) -> None:
        """Somebody may ask for an order by the id that its owner gave it."""
        is_order = answer.kind == SUBMIT_ORDER and answer.order_id
        if is_order and answer.id == self._id != answer.order_id:
            self.life.meant[answer.order_id] = None

    def _answered(self, answer: Remembered, where: _Where, index: int, *, is_told: bool) -> None:
        self._note_meant(answer)
        named = answer.order_id == self._id
        own = self.life.order is not None and answer.id == self._own_id
        own = own and answer.kind == SUBMIT_ORDER
        own = own and self.life.order is not None and answer.user_id == self.life.order.user_id
        if not named and not own:
            return
        asked = {"kind": answer.kind, "outcome": answer.outcome, "user_id": answer.user_id}
        if answer.repeat:
            text = f"{answer.kind} asked again by {answer.user_id} and answered {answer.outcome}"
            reused = answer.outcome == "ID_REUSED"
            rule = Rule.ID_REUSED if reused else Rule.REPEAT
            self._add("repeated", text, rule, where, index, details=asked)
        elif answer.outcome != ACCEPTED:
            text = f"{answer.kind} by {answer.user_id} refused: {refusal_words(answer.outcome)}"
            self._add("refused", text, Rule.REFUSED, where, index, details=asked)
        elif answer.kind == "AmendOrder" and not is_told:
            text = "amended to the terms that it had"
            self._add("amended", text, Rule.AMEND_NOTHING, where, index, details=asked)

    # -- what it needs -------------------------------------------------------------------

    def _need(self, order: Order) -> tuple[str, int]:
        (_, asset), need = need_of(order, self._market(order))
        return asset, need

    def _market(self, order: Order) -> Market | None:
        return self._markets.get((order.symbol.event_id, order.symbol.market_id))

    def _know(self, order: Order) -> None:
        """From now on its own id is looked for, too."""
        self._own_id = order.client_order_id or order.id
        needle = _text_of(self._own_id)
        if needle not in self._needles:
            self._needles.append(needle)

    def _add(
        self,
        kind: str,
        text: str,
        rule: Rule | None,
        where: _Where | None,
        index: int | None,
        **more: Any,
    ) -> None:
        if where is not None:
            answer = where.answer
            more.setdefault("time_ms", where.batch.time if answer is None else answer.timestamp)
            more |= {"number": where.batch.number, "position": where.position, "change": index}
        step = Step(kind=kind, text=text, rule=rule, **more)
        self.life.steps.append(step)


def _text_of(own_id: str) -> bytes:
    """An id as it stands in the JSON of the log."""
    return msgspec.json.encode(own_id)
