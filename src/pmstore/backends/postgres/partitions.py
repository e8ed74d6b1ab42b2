"""The partitions of the table `trades`: one a month (UTC), made when its first trade comes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, LiteralString, NamedTuple

_YEAR_FROM: Final = 2000
_YEAR_TO: Final = 2100


class Partition(NamedTuple):
    """A table for the trades from a timestamp on and below another, in words of SQL."""

    name: str
    begin: str
    end: str


def partitions_of(timestamps: Iterable[int]) -> list[Partition]:
    """The partitions in which trades of these timestamps (epoch milliseconds) lie."""
    return [_partition(year, month) for year, month in sorted(set(map(_month, set(timestamps))))]


def making(partitions: Iterable[Partition]) -> LiteralString:
    """
    The statement that makes those of *partitions* that are not there.

    It is one statement, so that no lock outlives a client that stops in the middle. The
    table is made first and attached then, which holds up neither readers nor writers. A
    table of that name that was detached is attached again.
    """
    steps = "".join(
        f"CREATE TABLE IF NOT EXISTS {name} (LIKE trades INCLUDING ALL); "
        f"IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = '{name}'::regclass) THEN "
        f"ALTER TABLE trades ATTACH PARTITION {name} FOR VALUES FROM ({begin}) TO ({end}); "
        f"END IF; "
        for name, begin, end in partitions
    )
    return (
        "DO $$ BEGIN "
        "PERFORM pg_advisory_xact_lock(hashtextextended('trades'::regclass::oid::text, 0)); "
        f"{steps}END $$"
    )


def _month(timestamp: int) -> tuple[int, int]:
    """The year and month; one of its own for all that is before 2000, one for after 2099."""
    if timestamp < _start_ms(_YEAR_FROM, 1):
        return (_YEAR_FROM - 1, 1)
    if timestamp >= _start_ms(_YEAR_TO, 1):
        return (_YEAR_TO, 1)
    at = datetime.fromtimestamp(timestamp // 1000, UTC)
    return (at.year, at.month)


def _partition(year: int, month: int) -> Partition:
    if year < _YEAR_FROM:
        return Partition("trades_before_2000", "MINVALUE", str(_start_ms(_YEAR_FROM, 1)))
    if year >= _YEAR_TO:
        return Partition("trades_after_2099", str(_start_ms(_YEAR_TO, 1)), "MAXVALUE")
    begin, end = _start_ms(year, month), _start_ms(year + month // 12, month % 12 + 1)
    return Partition(f"trades_{year:04d}_{month:02d}", str(begin), str(end))


def _start_ms(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
