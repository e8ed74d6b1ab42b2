"""Epoch milliseconds <-> RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_S: Final = -62_135_596_800
"""The first second of the year 1; RFC 3339 has four digits for a year."""
_LAST_S: Final = 253_402_300_799
_FORM: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)


@lru_cache(maxsize=1024)
def _second_text(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


@lru_cache(maxsize=1024)
def _second(text: str) -> int:
    moment = datetime.fromisoformat(text.upper().replace(" ", "T")).replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(seconds=1)


def rfc3339(time_ms: int) -> str | None:
    """
    The time in UTC with milliseconds, such as `2025-01-15T10:30:45.123Z`.

    None for a time outside the years 1..9999, which RFC 3339 cannot say.
    """
    second, milliseconds = divmod(time_ms, 1000)
    if not _FIRST_S <= second <= _LAST_S:
        return None
    return f"{_second_text(second)}.{milliseconds:03d}Z"


def parse_rfc3339(text: str) -> int:
    """
    The epoch milliseconds of an RFC 3339 time; digits beyond milliseconds are cut off.

    Raises:
        ValueError: It is none; says what is expected.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text[:60]!r} is not an RFC 3339 time; expected one such as 2024-01-01T12:00:00Z"
        )
    day, fraction, sign, hours, minutes = match.groups()
    milliseconds = int((fraction or "0").ljust(3, "0")[:3])
    offset = 0
    if sign:
        offset = int(hours) * 3600 + int(minutes) * 60
        if sign == "-":
            offset = -offset
    return (_second(day) - offset) * 1000 + milliseconds
