"""The partitions of the table `trades`: one a month (UTC), made when its first trade comes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, LiteralString

_YEAR_FROM: Final = 2000
_YEAR_TO: Final = 2100
"""The migrations have made the partitions before and from these."""


def months_of(timestamps: Iterable[int]) -> list[tuple[int, int]]:
    """
    The (year, month) of each timestamp (epoch milliseconds) that has a monthly partition.

    What lies before 2000 or after 2099 has a partition of its own from the beginning.
    """
    begin, end = _start_ms(_YEAR_FROM, 1), _start_ms(_YEAR_TO, 1)
    found = set()
    for timestamp in set(timestamps):
        if begin <= timestamp < end:
            at = datetime.fromtimestamp(timestamp // 1000, UTC)
            found.add((at.year, at.month))
    return sorted(found)


def making(months: Iterable[tuple[int, int]]) -> LiteralString:
    """
    The statement that makes the partitions of *months*, those that are not there.

    It is one statement, so that no lock outlives a client that stops in the middle. The
    table is made first and attached then, which holds up neither readers nor writers. A
    table of that name that was detached is attached again.
    """
    steps = []
    for year, month in months:
        name = f"trades_{year:04d}_{month:02d}"
        begin = _start_ms(year, month)
        end = _start_ms(year + month // 12, month % 12 + 1)
        steps.append(
            f"CREATE TABLE IF NOT EXISTS {name} (LIKE trades INCLUDING ALL); "
            f"IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = '{name}'::regclass) THEN "
            f"ALTER TABLE trades ATTACH PARTITION {name} FOR VALUES FROM ({begin}) TO ({end}); "
            f"END IF; "
        )
    return (
        "DO $$ BEGIN "
        "PERFORM pg_advisory_xact_lock(hashtextextended('trades'::regclass::oid::text, 0)); "
        f"{''.join(steps)}END $$"
    )


def _start_ms(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
