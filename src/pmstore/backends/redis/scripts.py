"""Scripts that Redis runs, each in one atomic step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import attrs

Argument = bytes | str | int


@attrs.frozen(init=False)
class Script:
    """
    A Lua script, sent by its SHA-1; in full to a server that does not know it yet.

    Attributes:
        text: The script.
        sha: Under which a server knows it once it ran there.
        writes: Whether it can change anything.
    """

    text: str
    sha: str
    writes: bool

    def __init__(self, text: str, *, writes: bool = True) -> None:
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self.__attrs_init__(text, sha, writes)

    def by_sha(self, keys: Sequence[bytes | str], args: Sequence[Argument]) -> tuple[Argument, ...]:
        """The command that runs it where it is known; answered by NOSCRIPT elsewhere."""
        return ("EVALSHA", self.sha, len(keys), *keys, *args)

    def in_full(
        self, keys: Sequence[bytes | str], args: Sequence[Argument]
    ) -> tuple[Argument, ...]:
        """The command that runs it anywhere, and makes it known there."""
        return ("EVAL", self.text, len(keys), *keys, *args)


PADDED: Final = """
local function padded(number)
  return string.rep('0', 20 - #number) .. number
end
"""
"""Lua: a number of up to 64 bits as text that compares as the number does."""


def padded(number: int) -> str:
    """A number of up to 64 bits as 20 digits, which compare as the number does."""
    return f"{number:020d}"
