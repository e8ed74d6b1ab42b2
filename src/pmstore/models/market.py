"""Events, and the binary markets inside them."""

from __future__ import annotations

import enum
from typing import Literal

import attrs


class MarketState(enum.Enum):
    OPEN = "open"
    PAUSED = "paused"
    """New orders are refused; what rests stays, and can be cancelled."""
    CLOSED = "closed"
    """Trading ended: orders are being cancelled; waits for its resolution."""
    RESOLVED = "resolved"
    """Orders are being cancelled and holders paid."""
    VOID = "void"
    """As resolved, but without an answer: every outcome is worth the same."""


@attrs.frozen
class Fees:
    """
    What a fill in a market costs its two sides, in parts per million: 0..100,000.

    Of p ticks and q lots a `linear` fee is the rate of min(p, 10000-p) x q micros, a
    `quadratic` one that of p x (10000-p) x q / 10000 micros.
    """

    kind: Literal["linear", "quadratic"]
    maker_ppm: int
    taker_ppm: int


@attrs.frozen(kw_only=True)
class Market:
    """
    One binary question with two outcomes and their two tokens.

    `payouts` are ticks per token, set by a resolution. A `removing` market leaves the
    state when no order and no token of it is left. `last_price` is the last trade in
    ticks of the first token, 0 before any. Without `fees` trading costs nothing.
    """

    market_id: int
    token_ids: tuple[str, str]
    outcomes: tuple[str, str] = ("Yes", "No")
    tick_size: int = 1
    state: MarketState = MarketState.OPEN
    removing: bool = False
    payouts: tuple[int, int] | None = None
    update_id: int = 0
    last_price: int = 0
    fees: Fees | None = None


@attrs.frozen(kw_only=True)
class Event:
    """A group of markets with one end date (epoch milliseconds; trading ends then)."""

    event_id: int
    markets: dict[int, Market] = attrs.Factory(dict)
    end_date_ms: int | None = None
    exclusive: bool = False
    removing: bool = False
