"""Ids are 1..255 bytes of UTF-8 without control characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmstore.models.units import is_id


@pytest.mark.parametrize(
    "text",
    ["a", " ", "user 1", "a:b*?[c]", '"\\', "😀", "é" * 127, "x" * 255, "\u00a0", "\u2028"],
)
def test_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "x" * 256, "é" * 128, "a\nb", "\x00", "\x7f", "é\x80", "é\x9f", "é\x1f", "\ud800", 7, None,
     b"a"],
)  # fmt: skip
def test_what_is_no_id(text: object) -> None:
    assert not is_id(text)


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_the_definition(text: str) -> None:
    control = any(unicodedata.category(char) == "Cc" for char in text)
    assert is_id(text) == (1 <= len(text.encode()) <= 255 and not control)
