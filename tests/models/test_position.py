"""Positions are two numbers compared as numbers, growing over time."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.models.position import EMPTY, START, Entry, Position, payload_hash

parts = st.integers(0, 2**64 - 1)
positions = st.builds(Position, parts, parts)


@given(positions)
def test_a_position_is_read_as_it_was_written(position: Position) -> None:
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize(
    "text",
    ["", "-", "1", "1-", "-1", "1-2-3", "1--2", "+1-2", " 1-2", "1-2 ", "a-b", "٣-1", "1-²",
     f"{2**64}-0", f"0-{2**64}"],
)  # fmt: skip
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="position; expected ms-seq"):
        Position.parse(text)


def test_positions_compare_as_numbers_and_not_as_text() -> None:
    assert Position.parse("9-0") < Position.parse("10-0")
    assert Position.parse("1-9") < Position.parse("1-10")


@given(positions, st.integers(0, 2**63))
def test_the_next_position_is_later_whatever_the_clock_says(
    position: Position, now_ms: int
) -> None:
    following = position.next(now_ms)
    assert following > position
    assert following.ms == max(position.ms, now_ms)


def test_the_start_is_before_everything() -> None:
    assert START <= Position(0, 0) < Position(0, 1)
    assert EMPTY.id == START


def test_an_entry_is_a_head_by_the_hash_of_its_payload() -> None:
    head = Entry(Position(1, 2), b"payload").head
    assert head.id == Position(1, 2)
    assert head.payload_hash == payload_hash(b"payload") == hashlib.sha1(b"payload").hexdigest()
    assert payload_hash(b"other") != head.payload_hash
