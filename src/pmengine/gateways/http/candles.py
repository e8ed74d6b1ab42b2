"""Candles: what a market's trades were within each minute, hour or day."""

from __future__ import annotations

from typing import Final

import msgspec

from pmengine.facts import Refusal
from pmengine.gateways.http.candle_cache import Reads, ReadsSpent
from pmengine.gateways.http.candle_days import DAY_MS, MINUTE_MS, Bar
from pmengine.gateways.http.cursors import decode_cursor, encode_cursor
from pmengine.gateways.http.filters import CandleFilter
from pmengine.gateways.http.lookup import find_market, missing
from pmengine.gateways.http.market_views import CandlePage, CandleView
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.reading import parse_name
from pmengine.gateways.http.showing import show_money, show_price, show_quantity
from pmstore import INTEGER_MAX, PAYOUT

INTERVALS_MS: Final = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "1d": DAY_MS,
}


class _Before(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The next page holds candles of this interval that begin before `start_ms`."""

    interval: str
    start_ms: int


async def list_candles(call: Call) -> Reply:
    """Candles of a market, newest first."""
    asked: CandleFilter = call.parameters
    interval_ms = INTERVALS_MS[asked.interval]
    key = (asked.event_id, asked.market_id)
    end_ms = INTEGER_MAX if asked.end_ms is None else asked.end_ms
    if asked.after is not None:
        cursor = decode_cursor(asked.after, _Before)
        if cursor.interval != asked.interval or not 0 <= cursor.start_ms <= INTEGER_MAX:
            raise Problem(
                400,
                "MALFORMED",
                "after is of candles of another interval; begin again without",
                field="after",
            )
        end_ms = min(end_ms, cursor.start_ms)
    market = await find_market(call.venue.history, call.freshness, *key)
    token_id = parse_name(asked.token_id, "token_id")
    if token_id is not None and token_id not in market.token_ids:
        raise missing(Refusal.UNKNOWN_TOKEN)
    is_second = token_id == market.token_ids[1]
    found, next_ms = await _collect(call, asked, interval_ms, end_ms)
    return 200, CandlePage(
        items=[_show(start_ms, bar, is_second) for start_ms, bar in found],
        next=None if next_ms is None else encode_cursor(_Before(asked.interval, next_ms)),
    )


async def _collect(
    call: Call, asked: CandleFilter, interval_ms: int, end_ms: int
) -> tuple[list[tuple[int, Bar]], int | None]:
    """The candles that begin before *end_ms*, and before what the next page's begin."""
    key = (asked.event_id, asked.market_id)
    first_ms = 0 if asked.start_ms is None else asked.start_ms
    found: list[tuple[int, Bar]] = []
    reads = Reads()
    # A candle that begins before the end may have trades behind it.
    before_ms = min(-(-end_ms // interval_ms) * interval_ms, INTEGER_MAX)
    while before_ms > first_ms:
        try:
            day = await call.derived.candles.day_before(key, before_ms, reads)
        except ReadsSpent:
            if before_ms >= end_ms:
                raise Problem(
                    503,
                    "STILL_READING",
                    "the trades of this day are being read, which takes several questions; "
                    "ask again",
                    headers={b"retry-after": b"1"},
                ) from None
            return found, before_ms
        if day is None:
            break
        number, bars = day
        for start_ms, bar in bars.bars(interval_ms):
            if start_ms >= min(before_ms, end_ms):
                continue
            if start_ms < first_ms:
                return found, None
            if len(found) == asked.limit:
                return found, found[-1][0]
            found.append((start_ms, bar))
        before_ms = number * DAY_MS
    return found, None


def _show(start_ms: int, bar: Bar, is_second: bool) -> CandleView:
    prices = (bar.open, bar.high, bar.low, bar.close)
    if is_second:
        prices = (PAYOUT - bar.open, PAYOUT - bar.low, PAYOUT - bar.high, PAYOUT - bar.close)
    opened, high, low, closed = map(show_price, prices)
    return CandleView(
        start_ms=start_ms,
        open=opened,
        high=high,
        low=low,
        close=closed,
        volume=show_quantity(bar.lots),
        turnover=show_money(bar.money),
        trades=bar.trades,
    )
