"""RFC 3339 times say epoch milliseconds exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.codec.timestamps import parse_rfc3339, rfc3339

FIRST = -62_135_596_800_000
LAST = 253_402_300_799_999


@given(st.integers(FIRST, LAST))
def test_a_time_is_read_as_it_was_written(time_ms: int) -> None:
    text = rfc3339(time_ms)
    assert text is not None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    assert datetime.fromisoformat(text) == moment
    assert parse_rfc3339(text) == time_ms


@pytest.mark.parametrize("time_ms", [FIRST - 1, LAST + 1, 2**63 - 1])
def test_a_time_without_a_word_has_none(time_ms: int) -> None:
    assert rfc3339(time_ms) is None


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-01-01T12:00:00Z", 1704110400000),
        ("2024-01-01t12:00:00z", 1704110400000),
        ("2024-01-01 12:00:00.000000000+00:00", 1704110400000),
        ("2024-01-01T14:30:00+02:30", 1704110400000),
        ("2024-01-01T09:30:00-02:30", 1704110400000),
        ("2024-01-01T12:00:00.5Z", 1704110400500),
        ("2024-01-01T12:00:00.123999Z", 1704110400123),
    ],
)
def test_every_form_of_the_standard_is_read(text: str, time_ms: int) -> None:
    assert parse_rfc3339(text) == time_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-01-01",
        "2024-01-01T12:00:00",
        "2024-02-30T12:00:00Z",
        "2024-01-01T25:00:00Z",
        "2024-01-01T12:00:00.Z",
        "2024-01-01T12:00:00Z\n",
        "+10000-01-01T00:00:00Z",
        "٢٠٢٤-01-01T12:00:00Z",
        "2024-01-01T12:00:00+99:99",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_rfc3339(text)
