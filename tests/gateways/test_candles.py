"""Candles are what the trades of each interval come to, however they are read and kept."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from pmengine.gateways.http.candle_cache import CandleCache, Reads, ReadsSpent
from pmengine.gateways.http.candle_days import DAY_MS, Bar
from pmstore import Trade
from tests.gateways.exchange import Running, order
from tests.gateways.stores import a_trade, filled, stores

MARKET = (1, 1)
INTERVALS_MS = (60_000, 300_000, 3_600_000, DAY_MS)


def some_trades(count: int, days: int, seed: int) -> list[Trade]:
    source = random.Random(seed)
    times = sorted(source.randrange(DAY_MS, (days + 1) * DAY_MS) for _ in range(count))
    return [
        a_trade(
            number,
            time,
            source.randrange(10, 9991),
            source.randrange(1, 500),
            of_second=source.random() < 0.5,
        )
        for number, time in enumerate(times, 1)
    ]


def plainly(trades: Sequence[Trade], interval_ms: int) -> list[tuple[int, Bar]]:
    """The same by grouping a list, newest first."""
    groups: dict[int, list[Trade]] = {}
    for trade in trades:
        groups.setdefault(trade.timestamp // interval_ms * interval_ms, []).append(trade)
    found = []
    for start, group in sorted(groups.items(), reverse=True):
        prices = [one.price if one.symbol.token_id == "y" else 10_000 - one.price for one in group]
        lots = sum(one.quantity for one in group)
        money = sum(one.price * one.quantity for one in group)
        bar = Bar(prices[0], max(prices), min(prices), prices[-1], lots, money, len(group))
        found.append((start, bar))
    return found


async def by_days(
    cache: CandleCache, interval_ms: int, reads_max: int = 10**6
) -> list[tuple[int, Bar]]:
    found: list[tuple[int, Bar]] = []
    end_ms = 2**62
    while True:
        try:
            day = await cache.day_before(MARKET, end_ms, Reads(reads_max))
        except ReadsSpent:
            continue
        if day is None:
            return found
        found += day[1].bars(interval_ms)
        end_ms = day[0] * DAY_MS


@pytest.mark.parametrize("minutes_max", [1, 10**6])
async def test_bars_are_what_grouping_the_trades_gives_while_more_of_them_come(
    minutes_max: int,
) -> None:
    everything = some_trades(2500, days=2, seed=7)
    async with stores() as history:
        cache = CandleCache(history, minutes_max)
        there = 0
        for part in (0, 1300, 1301, 2500):
            await filled(history.trades, everything[there:part])
            there = part
            for interval_ms in INTERVALS_MS:
                assert await by_days(cache, interval_ms) == plainly(everything[:part], interval_ms)


async def test_what_one_question_may_not_read_the_next_ones_do() -> None:
    everything = some_trades(3000, days=2, seed=3)
    async with stores() as history:
        await filled(history.trades, everything)
        found = await by_days(CandleCache(history), 3_600_000, reads_max=3)
        assert found == plainly(everything, 3_600_000)


async def test_a_whole_day_that_is_over_is_read_once() -> None:
    everything = some_trades(2000, days=4, seed=5)
    async with stores() as history:
        await filled(history.trades, everything)
        cache = CandleCache(history)
        await by_days(cache, DAY_MS)
        reads = Reads(2)  # the newest trade, and what came into its day since
        end_ms = 2**62
        while (day := await cache.day_before(MARKET, end_ms, reads)) is not None:
            end_ms = day[0] * DAY_MS
        assert reads.left == 0


async def test_candles_say_what_was_traded_in_either_tokens_terms(running: Running) -> None:
    for price, quantity in (("0.4", "1"), ("0.7", "2"), ("0.3", "1"), ("0.5", "4")):
        await running.done("POST", "/orders", json=order(price=price, quantity=quantity))
        sell = order(side="sell", price=price, quantity=quantity)
        await running.done("POST", "/orders", user="u2", json=sell)
    path = "/candles?event_id=1&market_id=1&interval=1d"
    first = (await running.done("GET", path))["items"]
    second = (await running.done("GET", f"{path}&token_id=n1"))["items"]
    if len(first) == 1:  # not at midnight
        prices = ("open", "high", "low", "close")
        assert [first[0][name] for name in prices] == ["0.4", "0.7", "0.3", "0.5"]
        assert [second[0][name] for name in prices] == ["0.6", "0.7", "0.3", "0.5"]
    assert sum(one["trades"] for one in first) == 4
    sums = ("volume", "turnover", "start_ms", "trades")
    assert [[one[name] for name in sums] for one in first] == [
        [one[name] for name in sums] for one in second
    ]
    assert sum(float(one["volume"]) for one in first) == 8
    assert round(sum(float(one["turnover"]) for one in first), 6) == 4.1
    trades = (await running.done("GET", "/trades"))["items"]
    minutes = {one["timestamp"] // 60_000 * 60_000 for one in trades}
    by_minute = await running.done("GET", "/candles?event_id=1&market_id=1&limit=1")
    assert by_minute["items"][0]["start_ms"] == max(minutes)
    window = f"start_ms={min(minutes)}&end_ms={max(minutes) + 1}"
    found = await running.done("GET", f"/candles?event_id=1&market_id=1&{window}")
    assert {one["start_ms"] for one in found["items"]} == minutes
    later = await running.done("GET", f"/candles?event_id=1&market_id=1&start_ms={2**61}")
    earlier = await running.done("GET", "/candles?event_id=1&market_id=1&end_ms=5")
    assert [later["items"], earlier["items"]] == [[], []]


async def test_candles_of_what_is_not_there_are_404(running: Running) -> None:
    for query, code in (
        ("event_id=1&market_id=9", "UNKNOWN_MARKET"),
        ("event_id=9&market_id=1", "UNKNOWN_EVENT"),
        ("event_id=1&market_id=1&token_id=y2", "UNKNOWN_TOKEN"),
    ):
        await running.refused(404, code, "GET", f"/candles?{query}")
    await running.refused(400, "MALFORMED", "GET", "/candles?event_id=1&market_id=1&interval=2m")
    await running.refused(400, "MALFORMED", "GET", "/candles?event_id=1&market_id=1&after=WzFd")
