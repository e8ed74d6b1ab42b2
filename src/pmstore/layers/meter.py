"""What the layers tell whoever counts."""

from __future__ import annotations

from typing import Protocol

from pmstore.layers.breaker import BreakerState


class Meter(Protocol):
    """Takes counts and times of one stack; no key, user or order ever reaches it."""

    def took(self, layer: str, op: str, seconds: float, /) -> None:
        """A call of a layer was answered."""
        ...

    def erred(self, layer: str, kind: str, /) -> None:
        """A call of a layer failed; *kind* is the error's class name."""
        ...

    def hits(self, layer: str, count: int, /) -> None:
        """Records were found in a layer."""
        ...

    def fills(self, result: str, count: int, /) -> None:
        """Records were `kept` by a cache, or `refused` because their token was void."""
        ...

    def breaker(self, layer: str, state: BreakerState, /) -> None:
        """A layer's breaker after a call."""
        ...

    def outbox(self, depth: int, lag_s: float, /) -> None:
        """What waits in the truth's outbox."""
        ...

    def position_lag(self, seconds: float, /) -> None:
        """How far the last layer of a positioned stack is behind the first, in stream time."""
        ...
