"""
What other services are told of a batch: one document list a stream, derived from facts; pure.

Each entry is an array that begins with a `BatchTold`: by it a reader knows which entry of the
log it has before it, and the writer of the stream where to go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from pmengine.facts import Refusal
from pmengine.user_events import USER_EVENT_STREAM, UserDocument, user_documents
from pmstore import (
    ACCEPTED,
    SUBMIT_ORDER,
    Balance,
    Batch,
    CorruptData,
    MarketRemoved,
    MarketUpdateId,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderUpdated,
    Position,
    Remembered,
    Symbol,
    Trade,
    ended_order,
)
from pmstore.codec import encode_order

PROCESSOR_STREAM: Final = "processor_stream"
WEBSOCKET_STREAM: Final = "websocket_stream"


class BatchTold(msgspec.Struct, tag_field="types", tag="Batch", kw_only=True, frozen=True):
    """Which batch of the log an entry tells of: its number, its position and its hash."""

    number: int
    position: str
    hash: str


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
    known and nothing was done.
    """

    kind: str
    outcome: str
    user_id: str = ""
    id: str = ""
    order_id: str = ""
    repeat: bool = False
    balances: list[Balance] = []


ProcessorDocument = OrderSubmitted | OrderTraded | OrderEnded | OrderRejected | Answered


class MarketDelta(msgspec.Struct, tag_field="types", tag=True, kw_only=True, omit_defaults=True):
    """
    What changed in a market within one batch, in terms of its first token.

    Levels are (price in ticks, lots there now; 0: gone). `prev_update_id` is the update
    before the first that this merges. When `cleared`, every level not named is gone. When
    `removed`, the market is, and a market listed under its id begins anew.
    """

    event_id: int
    market_id: int
    prev_update_id: int
    update_id: int
    timestamp: int
    bids: list[tuple[int, int]] = []
    asks: list[tuple[int, int]] = []
    last_price: int = 0
    cleared: bool = False
    removed: bool = False
    trades: list[Trade] = []


_encoder = msgspec.json.Encoder()
_processor_decoder = msgspec.json.Decoder(list[BatchTold | ProcessorDocument])
_websocket_decoder = msgspec.json.Decoder(list[BatchTold | MarketDelta])
_user_decoder = msgspec.json.Decoder(list[BatchTold | UserDocument])
_link_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_told_decoder = msgspec.json.Decoder(BatchTold)

Projection = Callable[[Position, Batch], bytes]
"""Makes the entry for a batch at its position on the log."""


def processor_documents(batch: Batch) -> list[ProcessorDocument]:
    """What the batch means to those who asked, command by command."""
    told: list[ProcessorDocument] = []
    number = batch.number
    order: Order | None = None
    trades: list[Trade] = []
    ends: list[OrderCancelled] = []
    balances: dict[tuple[str, str], Balance] = {}
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
        elif isinstance(change, OrderFilled | OrderCancelled):
            if order is not None and change.order_id == order.id:
                order = ended_order(order, change)
            if isinstance(change, OrderCancelled):
                ends.append(change)
        elif isinstance(change, Remembered):
            _answer(told, number, change, order, trades, ends, balances)
            order, trades, ends, balances = None, [], [], {}
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


def market_deltas(batch: Batch) -> list[MarketDelta]:
    """What the batch changed in each market, merged to one delta a market."""
    told: list[MarketDelta] = []
    deltas: dict[tuple[int, int], MarketDelta] = {}
    levels: dict[tuple[int, int], tuple[dict[int, int], dict[int, int]]] = {}
    trades: dict[tuple[int, int], list[Trade]] = {}
    for change in batch.changes:
        if isinstance(change, Trade):
            symbol = change.symbol
            trades.setdefault((symbol.event_id, symbol.market_id), []).append(change)
        elif isinstance(change, MarketUpdateId):
            key = (change.event_id, change.market_id)
            delta = deltas.get(key)
            if delta is None:
                delta = deltas[key] = MarketDelta(
                    event_id=change.event_id,
                    market_id=change.market_id,
                    prev_update_id=change.update_id - 1,
                    update_id=change.update_id,
                    timestamp=change.timestamp,
                )
                levels[key] = ({}, {})
            bids, asks = levels[key]
            if change.cleared:
                delta.cleared = True
                bids.clear()
                asks.clear()
            delta.update_id = change.update_id
            delta.timestamp = change.timestamp
            delta.last_price = change.last_price
            bids.update(change.bids)
            asks.update(change.asks)
        elif isinstance(change, MarketRemoved):
            key = (change.event_id, change.market_id)
            if key in deltas:
                told.append(_merged(deltas.pop(key), levels.pop(key), trades.pop(key, [])))
            told.append(
                MarketDelta(
                    event_id=change.event_id,
                    market_id=change.market_id,
                    prev_update_id=0,
                    update_id=0,
                    timestamp=batch.time,
                    removed=True,
                )
            )
    for key, delta in deltas.items():
        told.append(_merged(delta, levels[key], trades.get(key, [])))
    return told


def _merged(
    delta: MarketDelta, levels: tuple[dict[int, int], dict[int, int]], trades: list[Trade]
) -> MarketDelta:
    bids, asks = levels
    delta.bids = sorted(bids.items(), reverse=True)
    delta.asks = sorted(asks.items())
    delta.trades = trades
    return delta


def encode_processor_entry(position: Position, batch: Batch) -> bytes:
    """The entry of `processor_stream` for *batch*, which stands at *position* on the log."""
    return _encoder.encode([_told(position, batch), *processor_documents(batch)])


def encode_websocket_entry(position: Position, batch: Batch) -> bytes:
    """The entry of `websocket_stream` for *batch*, which stands at *position* on the log."""
    return _encoder.encode([_told(position, batch), *market_deltas(batch)])


def encode_user_entry(position: Position, batch: Batch) -> bytes:
    """The entry of `user_event_stream` for *batch*, which stands at *position* on the log."""
    return _encoder.encode([_told(position, batch), *user_documents(batch)])


def decode_processor_entry(payload: bytes) -> tuple[BatchTold, list[ProcessorDocument]]:
    """
    The batch that a `processor_stream` entry is about, and its documents.

    Raises:
        CorruptData: It is not such an entry.
    """
    return decode_documents(_processor_decoder, payload, PROCESSOR_STREAM)


def decode_websocket_entry(payload: bytes) -> tuple[BatchTold, list[MarketDelta]]:
    """The batch that a `websocket_stream` entry is about, and its deltas; raises likewise."""
    return decode_documents(_websocket_decoder, payload, WEBSOCKET_STREAM)


def decode_user_entry(payload: bytes) -> tuple[BatchTold, list[UserDocument]]:
    """The batch that a `user_event_stream` entry is about, and what it tells users; likewise."""
    return decode_documents(_user_decoder, payload, USER_EVENT_STREAM)


def decode_batch_told(payload: bytes, where: str) -> BatchTold:
    """
    Which batch an entry of any projection is about.

    Raises:
        CorruptData: It does not say; `where` names the place.
    """
    try:
        return _told_decoder.decode(_link_decoder.decode(payload)[0])
    except (msgspec.DecodeError, IndexError) as error:
        raise CorruptData(f"no entry of a projection: {error}", where=where) from error


def _told(position: Position, batch: Batch) -> BatchTold:
    return BatchTold(number=batch.number, position=str(position), hash=batch.hash)


def decode_documents(
    decoder: msgspec.json.Decoder[Any], payload: bytes, where: str
) -> tuple[BatchTold, list[Any]]:
    """
    The batch that an entry is about, and the documents behind it, as *decoder* reads them.

    Raises:
        CorruptData: It is no such entry; *where* names the place.
    """
    try:
        first, *documents = decoder.decode(payload)
    except (msgspec.DecodeError, ValueError) as error:
        raise CorruptData(f"no entry of this stream: {error}", where=where) from error
    if not isinstance(first, BatchTold):
        raise CorruptData("the entry does not begin with the batch that it tells of", where=where)
    return first, documents


PROJECTIONS: Final[dict[str, Projection]] = {
    WEBSOCKET_STREAM: encode_websocket_entry,
    USER_EVENT_STREAM: encode_user_entry,
    PROCESSOR_STREAM: encode_processor_entry,
}
"""
Every stream that is derived from the log, one entry for each entry of the log. What answers
are made of comes last: who was answered finds the market data and the user's own already told.
"""


def refusal_of(outcome: str) -> Refusal | None:
    """The refusal that an outcome names, None if it was accepted."""
    return None if outcome == ACCEPTED else Refusal[outcome]
