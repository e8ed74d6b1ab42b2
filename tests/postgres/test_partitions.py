"""Trades by month: partitions come by themselves, and old ones can be taken out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import psycopg

from pmstore.backends.postgres import PostgresClient, PostgresConfig, PostgresTradeStore
from pmstore.models.query import TradeQuery
from pmstore.models.units import INTEGER_MAX
from pmstore.testing.samples import trade

Plain = psycopg.Connection[tuple[object, ...]]


def at(year: int, month: int, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000


def partitions(plain: Plain) -> dict[str, int]:
    """The partitions that are attached and hold trades, and how many."""
    rows = plain.execute(
        "SELECT tableoid::regclass::text, count(*)::int FROM trades GROUP BY tableoid"
    ).fetchall()
    return {str(name): int(str(count)) for name, count in rows}


async def held(trades: PostgresTradeStore, **query: int) -> list[int]:
    return [one.trade_id for one in (await trades.find(TradeQuery(**query))).items]


async def test_each_month_has_its_own_partition(config: PostgresConfig, plain: Plain) -> None:
    """The first and last millisecond of a month lie in it; far past and future have theirs."""
    times = (
        *(0, at(2000, 1) - 1, at(2000, 1), at(2024, 2, 29), at(2024, 3) - 1, at(2024, 3)),
        *(at(2024, 12, 31), at(2025, 1), at(2100, 1) - 1, at(2100, 1), INTEGER_MAX),
    )
    async with PostgresTradeStore(config) as trades:
        await trades.append([trade(id, timestamp=time) for id, time in enumerate(times)])
        assert await held(trades) == list(range(len(times) - 1, -1, -1))
        assert await held(trades, start_ms=at(2024, 2), end_ms=at(2025, 1)) == [6, 5, 4, 3]
    assert partitions(plain) == {
        "trades_before_2000": 2,
        "trades_2000_01": 1,
        "trades_2024_02": 2,
        "trades_2024_03": 1,
        "trades_2024_12": 1,
        "trades_2025_01": 1,
        "trades_2099_12": 1,
        "trades_after_2099": 2,
    }


async def test_writers_who_need_the_same_month_make_it_once(config: PostgresConfig) -> None:
    """Several clients append the first trades of the same months at once: all are kept."""
    stores = [PostgresTradeStore(PostgresClient(config)) for _ in range(4)]
    for store in stores:
        await store.__aenter__()
    try:
        await asyncio.gather(
            *(
                store.append(
                    [
                        trade(100 * which + month, timestamp=at(2024, month))
                        for month in range(1, 13)
                    ]
                )
                for which, store in enumerate(stores)
            )
        )
        assert len(await held(stores[0])) == 48
    finally:
        for store in stores:
            await store.__aexit__(None, None, None)


async def test_a_month_can_be_taken_out(config: PostgresConfig, plain: Plain) -> None:
    """
    A detached month is not listed, its trades are not taken twice, late ones of it are kept.
    """
    january = [trade(number, timestamp=at(2024, 1, 1 + number)) for number in range(3)]
    async with PostgresTradeStore(config) as trades:
        await trades.append([*january, trade(9, timestamp=at(2024, 2))])
        plain.execute("ALTER TABLE trades DETACH PARTITION trades_2024_01 CONCURRENTLY")
        plain.execute("ALTER TABLE trades_2024_01 RENAME TO archived_2024_01")
        assert await held(trades) == [9]
        await trades.append([*january, trade(10, timestamp=at(2024, 1, 20))])
        assert await held(trades) == [9, 10]
        assert plain.execute("SELECT count(*) FROM archived_2024_01").fetchone() == (3,)


async def test_a_month_under_its_old_name_is_attached_again(
    config: PostgresConfig, plain: Plain
) -> None:
    """A late trade of a month whose table was detached and not renamed brings it back."""
    async with PostgresTradeStore(config) as trades:
        await trades.append([trade(1, timestamp=at(2024, 1))])
        plain.execute("ALTER TABLE trades DETACH PARTITION trades_2024_01")
        await trades.append([trade(2, timestamp=at(2024, 1, 2))])
        assert await held(trades) == [2, 1]


async def test_a_list_looks_into_the_months_that_it_touches(
    config: PostgresConfig, plain: Plain
) -> None:
    """The server's plan for a time window names no other month."""
    async with PostgresTradeStore(config) as trades:
        months = range(1, 13)
        await trades.append([trade(month, timestamp=at(2024, month)) for month in months])
    plan = plain.execute(
        "EXPLAIN SELECT * FROM trades WHERE timestamp >= %s AND timestamp < %s "
        "ORDER BY timestamp DESC, trade_id DESC LIMIT 10",
        [at(2024, 5), at(2024, 6)],
    ).fetchall()
    assert "trades_2024_05" in str(plan)
    assert "trades_2024_04" not in str(plan)
    assert "trades_2024_06" not in str(plan)
