"""Conditions and statements as text with their values beside them."""

from __future__ import annotations

from typing import Any, Self

import attrs

from pmstore.backends.sqlite.values import INTEGER_MIN, fits
from pmstore.models.units import INTEGER_MAX, is_id


@attrs.frozen
class Question:
    """A statement with its values."""

    sql: str
    values: list[Any]


@attrs.define
class Conditions:
    """Conditions joined by AND; `impossible` if no row can satisfy them."""

    parts: list[str] = attrs.Factory(list)
    values: list[Any] = attrs.Factory(list)
    impossible: bool = False

    @property
    def where(self) -> str:
        """The clause of a statement, nothing without a condition."""
        return f" WHERE {' AND '.join(self.parts)}" if self.parts else ""

    def add(self, part: str, *values: Any) -> None:
        """One more condition, with the values of its question marks."""
        self.parts.append(part)
        self.values += values

    def text(self, column: str, text: str | None) -> None:
        """*column* holds *text*, whatever it holds if that is None."""
        self.possible_text(text)
        if text is not None:
            self.add(f"{column} = ?", text)

    def possible_text(self, text: str | None) -> None:
        """What is no id stands in no row, and can perhaps not even be asked for."""
        self.impossible |= text is not None and not is_id(text)

    def number(self, column: str, number: int | None) -> None:
        """*column* holds *number*, whatever it holds if that is None."""
        if number is not None:
            self.impossible |= not fits(number)
            self.add(f"{column} = ?", number)

    def window(self, start_ms: int | None, end_ms: int | None) -> None:
        """`timestamp` is in [*start_ms*, *end_ms*); bounds beyond 64 bits bound as they say."""
        if start_ms is not None and start_ms > INTEGER_MIN:
            self.impossible |= not fits(start_ms)
            self.add("timestamp >= ?", start_ms)
        if end_ms is not None and end_ms <= INTEGER_MAX:
            self.impossible |= not fits(end_ms)
            self.add("timestamp < ?", end_ms)

    def copy(self) -> Self:
        """The same conditions, to be extended on their own."""
        return type(self)(list(self.parts), list(self.values), self.impossible)
