"""What a user holds, as it is answered."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import attrs

from pmengine.client.markets import MarketState

PositionStatus = Literal["open", "closed"]


@attrs.frozen(kw_only=True)
class Cash:
    """Money; `frozen` is set aside for open orders."""

    available: Decimal
    frozen: Decimal


@attrs.frozen(kw_only=True)
class Holding:
    """
    Shares of one token; `frozen` is set aside for open orders.

    `average_price` is there in the answer of `Client.account`, rounded to six digits.
    """

    token_id: str
    available: Decimal
    frozen: Decimal
    average_price: Decimal | None = None


@attrs.frozen(kw_only=True)
class Account:
    """What a user holds; with several shards `cash_by_shard` says how much cash is on each."""

    user_id: str
    cash: Cash
    positions: tuple[Holding, ...]
    cash_by_shard: tuple[Cash, ...] = ()


@attrs.frozen(kw_only=True)
class Position:
    """
    What is or was held of one token, and what came of it.

    `quantity` is `available` and `frozen` together, 0 once the market is answered. `cost` is
    what it cost, fees included, and `average_price` that of a share, rounded to six digits.
    `mark_price` is the payout, else the last trade's price, None before any; `value` is
    `quantity` at it, and `unrealised_profit` what that is beyond `cost`.
    """

    event_id: int
    market_id: int
    token_id: str
    outcome: str
    state: MarketState
    quantity: Decimal
    available: Decimal
    frozen: Decimal
    average_price: Decimal | None
    cost: Decimal
    mark_price: Decimal | None
    value: Decimal | None
    realised_profit: Decimal
    unrealised_profit: Decimal | None


LedgerKind = Literal[
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


@attrs.frozen(kw_only=True)
class LedgerLine:
    """
    What an account gained of one asset, or lost; `timestamp` in epoch milliseconds.

    `source`, `number` and `line` name it; lines with the same `source`, `number` and
    `transaction` belong together. `asset` is `cash` or a token's id. `available_after` and
    `frozen_after` are what the user had then. `reference` is the id of the trade, order or
    command, or the market; `correlation_id` that of the request, None where there was none.
    """

    source: str
    number: int
    line: int
    transaction: int
    kind: LedgerKind
    asset: str
    available: Decimal
    frozen: Decimal
    available_after: Decimal
    frozen_after: Decimal
    reference: str
    correlation_id: str | None
    timestamp: int
