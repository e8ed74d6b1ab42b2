"""What a batch of facts means to those who asked, command by command; pure."""

from __future__ import annotations

import msgspec

from pmstore import (
    SUBMIT_ORDER,
    Balance,
    Batch,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    OrderUpdated,
    Remembered,
    Symbol,
    Trade,
    ended_order,
)
from pmstore.codec import encode_order


class _Told(msgspec.Struct, tag_field="types", kw_only=True, omit_defaults=True):
    """Something that happened in batch `number`, in answer to `correlation_id` if any."""

    number: int
    correlation_id: str = ""


class OrderSubmitted(_Told, tag=True, kw_only=True, omit_defaults=True):
    """An order was accepted: as it is after its command, with the trades that it took."""

    order: msgspec.Raw
    trades: list[Trade] = []


class OrderTraded(_Told, tag=True, kw_only=True, omit_defaults=True):
    """Fills, with the makers' orders as far as they still are open."""

    trades: list[Trade]


class OrderEnded(_Told, tag="OrderCancelled", kw_only=True, omit_defaults=True):
    """An order was cancelled, by its owner or by the engine (`reason`)."""

    order_id: str
    user_id: str
    symbol: Symbol
    filled_quantity: int
    remaining_quantity: int
    timestamp: int
    reason: str = ""


class OrderRejected(_Told, tag=True, kw_only=True, omit_defaults=True):
    """A new order was refused for `reason`."""

    order_id: str
    user_id: str
    client_order_id: str
    reason: str


class Answered(_Told, tag=True, kw_only=True, omit_defaults=True):
    """
    The outcome of a command: `accepted` or a refusal code. The last word about it.

    `balances` are the rows of the asking user that it changed. With `repeat` the id was
    known and nothing was done. With `leaving`, orders that it took off their ladders end later.
    """

    kind: str
    outcome: str
    user_id: str = ""
    id: str = ""
    order_id: str = ""
    repeat: bool = False
    balances: list[Balance] = []
    leaving: bool = False


ProcessorDocument = OrderSubmitted | OrderTraded | OrderEnded | OrderRejected | Answered


def processor_documents(batch: Batch) -> list[ProcessorDocument]:
    """What the batch means to those who asked, command by command."""
    told: list[ProcessorDocument] = []
    number = batch.number
    order: Order | None = None
    trades: list[Trade] = []
    ends: list[OrderCancelled] = []
    balances: dict[tuple[str, str], Balance] = {}
    leaving = False
    for change in batch.changes:
        if isinstance(change, Balance):
            balances[change.user_id, change.asset] = change
        elif isinstance(change, OrderCreated):
            order = change.order
        elif isinstance(change, OrderUpdated):
            if order is not None and change.order.id == order.id:
                order = change.order
        elif isinstance(change, Trade):
            trades.append(change)
        elif isinstance(change, OrdersLeaving):
            leaving |= change.working and change.leaving.reason == "cancel_all"
        elif isinstance(change, OrderFilled | OrderCancelled):
            if order is not None and change.order_id == order.id:
                order = ended_order(order, change)
            if isinstance(change, OrderCancelled):
                ends.append(change)
        elif isinstance(change, Remembered):
            _answer(told, number, change, order, trades, ends, balances, leaving)
            order, trades, ends, balances, leaving = None, [], [], {}, False
    _happened(told, number, "", trades, ends)
    return told


def _answer(
    told: list[ProcessorDocument],
    number: int,
    answer: Remembered,
    order: Order | None,
    trades: list[Trade],
    ends: list[OrderCancelled],
    balances: dict[tuple[str, str], Balance],
    leaving: bool,
) -> None:
    correlation_id = answer.correlation_id
    if answer.kind == SUBMIT_ORDER and not answer.repeat:
        if order is not None:
            told.append(
                OrderSubmitted(
                    number=number,
                    correlation_id=correlation_id,
                    order=msgspec.Raw(encode_order(order)),
                    trades=trades,
                )
            )
        else:
            told.append(
                OrderRejected(
                    number=number,
                    correlation_id=correlation_id,
                    order_id=answer.order_id,
                    user_id=answer.user_id,
                    client_order_id=answer.id,
                    reason=answer.outcome,
                )
            )
    _happened(told, number, correlation_id, trades, ends)
    if correlation_id:
        told.append(
            Answered(
                number=number,
                correlation_id=correlation_id,
                kind=answer.kind,
                outcome=answer.outcome,
                user_id=answer.user_id,
                id=answer.id,
                order_id=answer.order_id,
                repeat=answer.repeat,
                balances=[row for (user, _), row in balances.items() if user == answer.user_id],
                leaving=leaving,
            )
        )


def _happened(
    told: list[ProcessorDocument],
    number: int,
    correlation_id: str,
    trades: list[Trade],
    ends: list[OrderCancelled],
) -> None:
    if trades:
        told.append(OrderTraded(number=number, correlation_id=correlation_id, trades=trades))
    for end in ends:
        told.append(
            OrderEnded(
                number=number,
                correlation_id=correlation_id,
                order_id=end.order_id,
                user_id=end.user_id,
                symbol=end.symbol,
                filled_quantity=end.filled_quantity,
                remaining_quantity=end.remaining_quantity,
                timestamp=end.timestamp,
                reason=end.reason,
            )
        )
