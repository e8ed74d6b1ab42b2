"""What users are asked and shown of the ledger: parameters and bodies, as schemas."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import Struct

from pmengine.gateways.http.answers import decimal
from pmengine.gateways.http.filters import EndMs
from pmengine.gateways.http.requests import After, EpochMs, Id, Input, Limit

KindText = Literal[
    "opening",
    "deposit",
    "withdrawal",
    "hold",
    "release",
    "trade",
    "fee",
    "split",
    "merge",
    "convert",
    "resolution",
    "correction",
]
AmountText = Annotated[
    str, decimal("Money or shares, exact decimal; negative for what went.", "-1.5", signed=True)
]


class LedgerFilter(Input, frozen=True, kw_only=True):
    asset: Id | None = None
    kind: KindText | None = None
    start_ms: EpochMs | None = None
    end_ms: EndMs | None = None
    limit: Limit = 100
    after: After | None = None


class UserLedgerFilter(LedgerFilter, frozen=True, kw_only=True):
    user_id: Id


class LedgerLine(Struct, frozen=True, gc=False, kw_only=True):
    """
    What an account gained of one asset, or lost; `timestamp` in epoch milliseconds.

    `source`, `number` and `line` name it; lines with the same `source`, `number` and
    `transaction` belong together. `asset` is `cash` or a token's id. `available_after` and
    `frozen_after` are what the user had then. `reference` is the id of the trade, order or
    command, or the market; `correlation_id` that of the request, null where there was none.
    """

    source: str
    number: int
    line: int
    transaction: int
    kind: KindText
    asset: str
    available: AmountText
    frozen: AmountText
    available_after: AmountText
    frozen_after: AmountText
    reference: str
    correlation_id: str | None
    timestamp: int


class LedgerPage(Struct, frozen=True, kw_only=True):
    """A page of lines, newest first; `next` is null on the last."""

    items: list[LedgerLine]
    next: str | None


LEDGER_PAGE: Final[dict[str, Any]] = {
    "items": [
        {
            "source": "store_stream",
            "number": 7,
            "line": 2,
            "transaction": 0,
            "kind": "trade",
            "asset": "cash",
            "available": "-0.49",
            "frozen": "0",
            "available_after": "99.51",
            "frozen_after": "0",
            "reference": "1024",
            "correlation_id": "0190b6a0-7c00-7000-8000-000000000002",
            "timestamp": 1704110400000,
        }
    ],
    "next": None,
}
