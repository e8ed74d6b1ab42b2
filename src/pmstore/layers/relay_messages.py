"""The words of the relays: which records changed, that any may have, and a heartbeat."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

import attrs

K = TypeVar("K")

Changes = Sequence[tuple[K, int]] | None
"""Keys, each with the least version that is still right; None: anything may have changed."""

_FRAME_BYTES: Final = 10
"""What stands around the pairs of a message."""


class Marker(NamedTuple):
    """The end of a round of one process."""

    process: str
    number: int

    def write(self) -> str:
        """As a message."""
        return json.dumps(["m", self.process, self.number])


class Changed(NamedTuple, Generic[K]):
    """What a relay learnt from the truth."""

    changes: Changes[K]


@attrs.frozen(kw_only=True)
class Words(Generic[K]):
    """How the messages of one kind of store are written and read: its keys as text and back."""

    write_key: Callable[[K], str]
    read_key: Callable[[str], K]

    def write(self, changes: Changes[K], payload_max: int) -> list[str]:
        """As few messages of at most *payload_max* bytes as it takes."""
        if changes is None:
            return ['["a"]']
        messages: list[str] = []
        parts: list[str] = []
        size = 0
        for key, least in changes:
            part = json.dumps([self.write_key(key), least])
            if parts and size + len(part) + _FRAME_BYTES > payload_max:
                messages.append(f'["i",[{",".join(parts)}]]')
                parts, size = [], 0
            parts.append(part)
            size += len(part) + 1
        messages.append(f'["i",[{",".join(parts)}]]')
        return messages

    def read(self, text: str) -> Marker | Changed[K]:
        """A message; what was written by somebody with other words may have meant anything."""
        try:
            match json.loads(text):
                case ["i", pairs]:
                    return Changed([(self.read_key(key), int(least)) for key, least in pairs])
                case ["m", str(process), int(number)]:
                    return Marker(process, number)
        except (ValueError, TypeError):
            pass
        return Changed(None)
