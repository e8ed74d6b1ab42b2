"""The options that choose records, and the question that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from pmstore.cli.records import RECORDS, Contract
from pmstore.clock import system_clock
from pmstore.codec.timestamps import parse_rfc3339
from pmstore.errors import InvalidQuery
from pmstore.models.order import OrderStatus, Side
from pmstore.plugin import nearest
from pmstore.settings import duration_s

_MILLISECONDS_LEAST: Final = 8
"""Fewer digits than these are no time in epoch milliseconds of our century."""

ContractOption = Annotated[Contract, typer.Option("--contract", "-c", help="What to look for.")]
User = Annotated[str | None, typer.Option("--user", help="Of this user (a trade: on either side).")]
OrderId = Annotated[str | None, typer.Option("--order", help="Trades of this order.")]
SideOption = Annotated[str | None, typer.Option("--side", help="Orders on this side: buy, sell.")]
EventId = Annotated[int | None, typer.Option("--event", help="Of this event.")]
MarketId = Annotated[int | None, typer.Option("--market", help="Of this market.")]
TokenId = Annotated[str | None, typer.Option("--token", help="Of this token.")]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", help="Orders in this status, such as New; may be repeated."),
]
Ids = Annotated[
    list[str] | None,
    typer.Option("--id", help="Orders or events with this id; may be repeated."),
]
ClientOrderId = Annotated[
    str | None, typer.Option("--client-order-id", help="Orders with this client_order_id.")
]
Asset = Annotated[str | None, typer.Option("--asset", help="Balances in it: cash, a token id.")]
Start = Annotated[
    str | None,
    typer.Option("--start", help="From then on: 2024-01-31T12:00:00Z, epoch ms, or 24h (ago)."),
]
End = Annotated[str | None, typer.Option("--end", help="Before then, in the same forms.")]


def query_of(contract: Contract, options: Mapping[str, Any]) -> Any:
    """
    The question that *options* (by the name of the query's field) ask; unset ones are None.

    Raises:
        InvalidQuery: An option that this contract does not know, or a value that cannot be.
    """
    given = {name: value for name, value in options.items() if value not in (None, [])}
    query = RECORDS[contract].query
    known = {field.name for field in query.__attrs_attrs__}
    foreign = [f"--{_OPTIONS.get(name, name)}" for name in given if name not in known]
    if foreign:
        raise InvalidQuery(
            f"{', '.join(foreign)}: {contract.value} cannot be chosen by it; use "
            + ", ".join(f"--{text}" for name, text in _OPTIONS.items() if name in known)
        )
    if "side" in given:
        given["side"] = _word(given["side"], Side, "--side")
    if "statuses" in given:
        given["statuses"] = [_word(one, OrderStatus, "--status") for one in given["statuses"]]
    if contract is Contract.EVENTS and "ids" in given:
        given["ids"] = event_ids(given["ids"])
    return query(**given)


_OPTIONS: Final = {
    "user_id": "user",
    "order_id": "order",
    "side": "side",
    "event_id": "event",
    "market_id": "market",
    "token_id": "token",
    "statuses": "status",
    "ids": "id",
    "client_order_id": "client-order-id",
    "asset": "asset",
    "start_ms": "start",
    "end_ms": "end",
}


def _word(text: str, words: Any, option: str) -> Any:
    right = {one.value.lower(): one for one in words}
    if text.lower() not in right:
        names = [one.value for one in words]
        raise InvalidQuery(
            f"{option}: {text!r} is none of {', '.join(names)}.{nearest(text, names)}"
        )
    return right[text.lower()]


def event_ids(texts: Sequence[str]) -> list[int]:
    """The numbers of events."""
    wrong = [text for text in texts if not text.isdecimal()]
    if wrong:
        raise InvalidQuery(f"{wrong[0]!r} is not the id of an event; it is a number")
    return [int(text) for text in texts]


def moment(text: str | None, option: str, now_ms: int | None = None) -> int | None:
    """
    A time in epoch milliseconds from RFC 3339, from epoch milliseconds, or from how long ago.

    Raises:
        InvalidQuery: None of these.
    """
    if text is None:
        return None
    if text.isdecimal() and len(text) >= _MILLISECONDS_LEAST:
        return int(text)
    if "T" in text or " " in text:
        try:
            return parse_rfc3339(text)
        except ValueError as error:
            raise InvalidQuery(f"{option}: {error}") from None
    try:
        if text.isdecimal():
            raise ValueError
        ago_s = duration_s(0.0, 3_153_600_000.0).read(text)
    except ValueError:
        raise InvalidQuery(
            f"{option}: {text!r} is no time; write 2024-01-31T12:00:00Z, epoch milliseconds "
            "such as 1706702400000, or how long ago, such as 90s, 24h or 30d"
        ) from None
    return max(0, (system_clock() if now_ms is None else now_ms) - round(ago_s * 1000))
