"""Reads messages of a feed, each of which says its kind."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from pmengine.client.errors import UnreadableAnswer

T = TypeVar("T")


class _Named(msgspec.Struct, frozen=True):
    type: str


class Reader(Generic[T]):
    """
    Reads messages.

    Args:
        kinds: The structs of all kinds, with their tags; *told* is the union of them.
        feed: Whose messages they are, for errors.
    """

    def __init__(self, told: Any, kinds: tuple[type[msgspec.Struct], ...], feed: str) -> None:
        self._decoder = msgspec.json.Decoder(told)
        self._named = msgspec.json.Decoder(_Named)
        self._tags = {kind.__struct_config__.tag for kind in kinds}
        self._feed = feed

    def read(self, text: str | bytes) -> T | None:
        """
        The message that *text* is; None for one of a kind that later exchanges may have.

        Raises:
            UnreadableAnswer: It is of a known kind and not of its form, or no message at all.
        """
        try:
            told: T = self._decoder.decode(text)
            return told
        except msgspec.DecodeError as error:
            try:
                if self._named.decode(text).type not in self._tags:
                    return None
            except msgspec.DecodeError:
                pass
            message = f"the {self._feed} feed said what cannot be read: {error}"
            raise UnreadableAnswer(message) from error
