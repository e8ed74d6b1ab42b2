"""What the text of a setting turns into: one parser for each kind of value."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import attrs

from pmstore.errors import SettingsError
from pmstore.plugin import nearest
from pmstore.url import Stack, parse_stack

T = TypeVar("T")
REPLICAS_MAX: Final = 15
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@attrs.frozen(kw_only=True)
class Parser(Generic[T]):
    """
    Reads the text of a setting.

    Attributes:
        form: What the text looks like, for messages and the reference page.
        read: Turns it into the value; raises ValueError if it is not of that form.
        repeatable: Whether a message may repeat the text; not if a password may be in it.
    """

    form: str
    read: Callable[[str], T]
    repeatable: bool = True


def text() -> Parser[str]:
    """Any text."""
    return Parser(form="text", read=str)


def path() -> Parser[Path]:
    """A path, relative to the working directory unless it is absolute."""
    return Parser(form="path", read=Path)


def boolean() -> Parser[bool]:
    """`true` or `false`; also 1/0, yes/no, on/off, in any case."""

    def read(value: str) -> bool:
        word = value.lower()
        if word not in _TRUE | _FALSE:
            raise ValueError
        return word in _TRUE

    return Parser(form="true or false", read=read)


def integer(least: int, most: int, /) -> Parser[int]:
    """An integer of *least*..*most*, both included."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,19}", value) or not least <= int(value) <= most:
            raise ValueError
        return int(value)

    return Parser(form=f"integer {least}..{most}", read=read)


def choice(*words: str) -> Parser[str]:
    """One of *words*, read in any case and given as it is written here."""
    right = {word.lower(): word for word in words}

    def read(value: str) -> str:
        if value.lower() not in right:
            raise ValueError(nearest(value, words).strip())
        return right[value.lower()]

    return Parser(form=f"one of {', '.join(words)}", read=read)


def duration_s(least_s: float = 0.0, most_s: float = 31_536_000.0, /) -> Parser[float]:
    """A length of time in seconds: `90`, `1.5`, or with units as in `250ms`, `5m`, `1h30m`."""

    def read(value: str) -> float:
        if re.fullmatch(r"\d+(\.\d+)?", value):
            seconds = float(value)
        elif re.fullmatch(f"(?:{_DURATION.pattern})+", value):
            seconds = sum(float(n) * _SECONDS[unit] for n, unit in _DURATION.findall(value))
        else:
            raise ValueError
        if not least_s <= seconds <= most_s:
            raise ValueError(f"It takes {least_s:g}..{most_s:g} seconds.")
        return seconds

    return Parser(form="seconds, or a length such as 250ms, 5m, 1h30m", read=read)


def acknowledgement() -> Parser[int | None]:
    """`append`, which is None, or `waitaof:k` for the number *k* of replicas."""

    def read(value: str) -> int | None:
        if value.lower() == "append":
            return None
        found = re.fullmatch(r"waitaof:(\d{1,2})", value.lower())
        if found is None or int(found[1]) > REPLICAS_MAX:
            raise ValueError
        return int(found[1])

    return Parser(form=f"append, or waitaof:0..{REPLICAS_MAX}", read=read)


def stack() -> Parser[Stack]:
    """One or more URLs of stores with `>` and `|` between them."""

    def read(value: str) -> Stack:
        try:
            return parse_stack(value)
        except SettingsError as error:
            raise ValueError("; ".join(error.problems)) from None

    return Parser(form="URL, or several with > and | between them", read=read, repeatable=False)
