"""What gateways work out from trades is what all trades come to, however they came in."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence

import attrs
import pytest

from pmengine.gateways.http.position_books import PositionBooks, ReadsSpent
from pmengine.gateways.http.profits import Holding
from pmengine.gateways.http.turnover import Turnover
from pmstore import Side, Symbol, Trade
from tests.gateways.stores import Pace, Stores, a_trade, filled, stores

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


@pytest.fixture
async def history() -> AsyncIterator[Stores]:
    async with stores() as opened:
        yield opened


def of_two_shards(count: int, seed: int) -> list[Trade]:
    """Trades of events 1 and 2, each of its shard and with numbers of its own, by their time."""
    source = random.Random(seed)
    time_ms, counters, trades = 10 * DAY_MS, [0, 0], []
    for _ in range(count):
        time_ms += source.randrange(0, 2000)
        shard = source.randrange(2)
        counters[shard] += 1
        plain = a_trade(1, time_ms, source.randrange(10, 9991), 100, of_second=False)
        symbol = Symbol(shard + 1, 1, f"y{shard}")
        trades.append(
            attrs.evolve(
                plain,
                trade_id=counters[shard] * 1024 + shard,
                symbol=symbol,
                maker_symbol=attrs.evolve(symbol, token_id=f"n{shard}"),
                side=source.choice((Side.BUY, Side.SELL)),
                taker_user_id=source.choice(("u1", "u2")),
            )
        )
    return trades


def each_at_its_pace(trades: Sequence[Trade], seed: int) -> list[list[Trade]]:
    """The same in pieces: what one shard's stores have may be some seconds behind the other's."""
    source = random.Random(seed)
    queues = [[one for one in trades if one.trade_id % 1024 == shard] for shard in (0, 1)]
    pieces: list[list[Trade]] = []
    time_ms = trades[0].timestamp
    while any(queues):
        time_ms += 60_000
        for queue in source.sample(queues, source.randrange(1, 3)):
            until = time_ms - source.randrange(0, 20_000)
            piece = [one for one in queue if one.timestamp <= until]
            del queue[: len(piece)]
            pieces.append(piece)
    return pieces


async def test_the_turnover_is_that_of_the_last_day(history: Stores) -> None:
    turnover = Turnover(history, Pace())
    times = [5 * DAY_MS + hour * 3_600_000 for hour in range(0, 60, 3)]
    trades = [
        a_trade(number, time, 4_000, 100 * number, of_second=False)
        for number, time in enumerate(times, 1)
    ]
    for number, now_ms in enumerate(times):
        await filled(history.trades, trades[number : number + 1])
        for later_ms in (now_ms, now_ms + 2 * 3_600_000 + 17):
            first_ms = (later_ms // MINUTE_MS - 24 * 60 + 1) * MINUTE_MS
            there = [one for one in trades[: number + 1] if one.timestamp >= first_ms]
            expected = sum(one.price * one.quantity for one in there)
            assert await turnover.read(later_ms) == {1: expected}
    assert await turnover.read(times[-1] + 2 * DAY_MS) == {}


async def test_shards_that_are_behind_each_other_are_counted_once(history: Stores) -> None:
    trades = of_two_shards(1500, seed=4)
    pace = Pace(2)
    turnover = Turnover(history, pace)
    books = PositionBooks(history, pace)
    now_ms = trades[-1].timestamp
    for piece in each_at_its_pace(trades, seed=9):
        await filled(history.trades, piece)
        for one in piece:
            pace.times_ms[one.trade_id % 1024] = one.timestamp + 200_000
        await turnover.read(now_ms)
        await books.follow("u1")
    assert await turnover.read(now_ms) == {
        event_id: sum(one.price * one.quantity for one in trades if one.symbol.event_id == event_id)
        for event_id in (1, 2)
    }
    book, are_new = await books.follow("u1")
    assert not are_new
    assert book.holdings == plainly(trades, "u1")


def plainly(trades: Sequence[Trade], user_id: str) -> dict[str, Holding]:
    """The holdings of a taker by all trades from the first to the last."""
    holdings: dict[str, Holding] = {}
    for trade in trades:
        if trade.taker_user_id == user_id:
            holding = holdings.setdefault(trade.symbol.token_id, Holding())
            money = trade.price * trade.quantity
            if trade.side is Side.BUY:
                holding.buy(trade.quantity, money)
            else:
                holding.sell(trade.quantity, money)
    return holdings


async def test_fills_beyond_one_question_are_read_by_several(history: Stores) -> None:
    trades = [one for one in of_two_shards(6000, seed=8) if one.trade_id % 1024 == 0]
    books = PositionBooks(history, Pace(), reads_max=1)
    await filled(history.trades, trades[:2500])
    with pytest.raises(ReadsSpent):
        await books.follow("u1")
    await filled(history.trades, trades[2500:])
    for _ in range(20):
        try:
            book, are_new = await books.follow("u1")
        except ReadsSpent:
            continue
        if not are_new:
            break
    assert book.holdings == plainly(trades, "u1")


async def test_what_a_user_had_no_part_in_is_not_read_again(history: Stores) -> None:
    pace = Pace()
    books = PositionBooks(history, pace)
    trades = [a_trade(n, DAY_MS + n, 5_000, 100, of_second=False) for n in range(1, 3001)]
    await filled(history.trades, trades)
    book, _ = await books.follow("u9")
    assert book.frontier.begin(pace()) == trades[-1].timestamp
    mine = attrs.evolve(
        a_trade(3001, trades[-1].timestamp, 5_000, 100, of_second=False), taker_user_id="u9"
    )
    await filled(history.trades, [mine])
    book, are_new = await books.follow("u9")
    assert are_new
    assert book.holdings == {"y": Holding(100, 500_000, 0)}


async def test_fills_that_were_there_before_the_place_said_so_are_not_lost(
    history: Stores,
) -> None:
    standing = Pace()()
    places = [standing]
    books = PositionBooks(history, lambda: places[-1])
    await books.follow("u1")
    first, second = (a_trade(n, DAY_MS + n, 5_000, 100, of_second=False) for n in (1, 2))
    await filled(history.trades, [first, second])
    _, are_new = await books.follow("u1")
    assert not are_new
    places.append([one._replace(number=one.number + 1) for one in standing])
    book, are_new = await books.follow("u1")
    assert are_new
    assert book.holdings["y"].lots == 200
