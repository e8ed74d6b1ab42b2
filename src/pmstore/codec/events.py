"""Events and their markets <-> JSON, in the shape of the source's `EventAdded`."""

from __future__ import annotations

from typing import Final

import msgspec

from pmstore.codec.json_text import READ_ERRORS, corrupt, plain_text, utf8
from pmstore.codec.timestamps import parse_rfc3339, rfc3339
from pmstore.models.market import Event, Fees, Market, MarketState


class WireMarket(msgspec.Struct, omit_defaults=True):
    """A market as it is written; beyond the first three fields only what is not the default."""

    id: int
    outcomes: tuple[str, str]
    token_ids: tuple[str, str]
    tick_size: int = 1
    state: MarketState = MarketState.OPEN
    removing: bool = False
    payouts: tuple[int, int] | None = None
    update_id: int = 0
    last_price: int = 0
    fees: Fees | None = None


class WireEvent(msgspec.Struct, omit_defaults=True):
    """
    An event as it is written.

    `end_date` is an RFC 3339 time; a number of epoch milliseconds where RFC 3339 has no
    word for it (beyond the year 9999).
    """

    event_id: int
    markets: dict[str, WireMarket]
    end_date: str | int | None = None
    exclusive: bool = False
    removing: bool = False


_decoder: Final = msgspec.json.Decoder(WireEvent)


def wire_market(market: Market) -> WireMarket:
    """The market in the shape in which it is written."""
    return WireMarket(
        market.market_id,
        market.outcomes,
        market.token_ids,
        market.tick_size,
        market.state,
        market.removing,
        market.payouts,
        market.update_id,
        market.last_price,
        market.fees,
    )


def to_market(wire: WireMarket) -> Market:
    """
    The market that was written.

    Raises:
        ValueError: Both tokens are one.
    """
    if wire.token_ids[0] == wire.token_ids[1]:
        raise ValueError(f"market {wire.id} has the token {wire.token_ids[0]!r} twice")
    return Market(
        market_id=wire.id,
        token_ids=wire.token_ids,
        outcomes=wire.outcomes,
        tick_size=wire.tick_size,
        state=wire.state,
        removing=wire.removing,
        payouts=wire.payouts,
        update_id=wire.update_id,
        last_price=wire.last_price,
        fees=wire.fees,
    )


def wire_event(event: Event) -> WireEvent:
    """The event in the shape in which it is written."""
    return WireEvent(
        event.event_id,
        {str(market_id): wire_market(market) for market_id, market in event.markets.items()},
        None if event.end_date_ms is None else _date(event.end_date_ms),
        event.exclusive,
        event.removing,
    )


def to_event(wire: WireEvent) -> Event:
    """
    The event that was written.

    Raises:
        ValueError: A market under another id than its own, or a malformed end date.
    """
    markets = {}
    for key, written in wire.markets.items():
        if key != str(written.id):
            raise ValueError(f"event {wire.event_id} has market {written.id} under {key[:40]!r}")
        markets[written.id] = to_market(written)
    date = wire.end_date
    return Event(
        event_id=wire.event_id,
        markets=markets,
        end_date_ms=parse_rfc3339(date) if isinstance(date, str) else date,
        exclusive=wire.exclusive,
        removing=wire.removing,
    )


def _date(time_ms: int) -> str | int:
    text = rfc3339(time_ms)
    return time_ms if text is None else text.replace(".000Z", "Z")


def encode_event(event: Event) -> bytes:
    """
    The event as a JSON document.

    Raises:
        InvalidRecord: Text that is not Unicode.
    """
    return utf8(plain_text(wire_event(event)))


def decode_event(payload: bytes, where: str) -> Event:
    """
    The event in a JSON document; unknown fields are ignored.

    Raises:
        CorruptData: It is no event; says what is wrong and *where*.
    """
    try:
        return to_event(_decoder.decode(payload))
    except READ_ERRORS as error:
        raise corrupt(error, "an event", where) from error
