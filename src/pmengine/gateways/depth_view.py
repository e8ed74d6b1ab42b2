"""The depth of a market as clients see it: both tokens, prices and money as exact decimals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pmengine.services.depth import Depth
from pmstore import MONEY_DECIMALS, PAYOUT, PRICE_DECIMALS, QUANTITY_DECIMALS
from pmstore.decimals import format_decimal

Levels = Iterable[tuple[int, int]]
"""(price in ticks of the first token, lots there now) pairs, best first."""


class LevelView(msgspec.Struct, frozen=True, gc=False):
    """One price: the shares there now ("0": the level is gone) and the money they are worth."""

    price: str
    total_quantity: str
    total_size: str


class TokenDepth(msgspec.Struct, frozen=True, gc=False):
    """The levels of one token, best first; `latest_trade_price` is null before any trade."""

    latest_trade_price: str | None
    bids: list[LevelView]
    asks: list[LevelView]


class DepthSnapshot(msgspec.Struct, frozen=True):
    """A market's whole depth after update `update_id`; `timestamp` in epoch milliseconds."""

    event_id: int
    market_id: int
    update_id: int
    timestamp: int
    depths: dict[str, TokenDepth]


def show_depths(
    tokens: Sequence[str], bids: Levels, asks: Levels, last_price: int
) -> dict[str, TokenDepth]:
    """
    Both tokens' views of levels that are in terms of the first.

    A bid for the first token at p is an ask of the second at 10000 - p.
    """
    bids, asks = list(bids), list(asks)
    first, second = tokens
    mirrored = PAYOUT - last_price if last_price else 0
    return {
        first: _token(bids, asks, last_price),
        second: _token(_mirror(asks), _mirror(bids), mirrored),
    }


def show_snapshot(
    key: tuple[int, int], tokens: Sequence[str], depth: Depth, levels_max: int | None = None
) -> DepthSnapshot:
    """*depth* as it is now, its best *levels_max* levels on each side."""
    shown = show_depths(
        tokens, depth.best_bids(levels_max), depth.best_asks(levels_max), depth.last_price
    )
    return DepthSnapshot(*key, depth.update_id, depth.timestamp, shown)


def _mirror(levels: Levels) -> Levels:
    return [(PAYOUT - price, lots) for price, lots in levels]


def _token(bids: Levels, asks: Levels, last_price: int) -> TokenDepth:
    latest = format_decimal(last_price, PRICE_DECIMALS) if last_price else None
    return TokenDepth(latest, [_level(*one) for one in bids], [_level(*one) for one in asks])


def _level(price: int, lots: int) -> LevelView:
    return LevelView(
        format_decimal(price, PRICE_DECIMALS),
        format_decimal(lots, QUANTITY_DECIMALS),
        format_decimal(price * lots, MONEY_DECIMALS),
    )
