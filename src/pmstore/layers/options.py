"""How the layers of a stack behave: times, bounds and policies."""

from __future__ import annotations

import enum
from typing import Any

import attrs


class Policy(enum.Enum):
    """What becomes of a write that one layer behind or in front of the truth does not take."""

    REQUIRED = "required"
    """The call fails; the truth has it, and repeating the call is safe."""
    BEST_EFFORT = "best_effort"
    """The call succeeds; it is counted. A cache is not read until it caught up."""
    BEHIND = "behind"
    """The call does not wait for it: the layer is written from the truth's outbox."""


def _positive(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if value <= 0:
        raise ValueError(f"{attribute.name} is {value}; expected more than 0")


@attrs.frozen(kw_only=True)
class LayerOptions:
    """
    Times and bounds of one stack.

    Attributes:
        cache_max_age_s: A process that did not hear its own heartbeat for so long trusts no
            cache: other processes' writes are seen after this at the latest.
        relay_every_s: How often notes are relayed, and the heartbeat sent; unset, a fifth of
            `cache_max_age_s`, 0.2 at most.
        notes_max: Notes that are read at once; with more waiting for a cache that is down,
            they become one note about everything.
        behind_max: Notes that may wait for a `behind` layer; older ones become dead letters.
        call_s: Deadline of a whole call, retries and all layers included.
        cache_call_s: Deadline of one call of a shared cache.
        attempts: Tries of one call of the truth.
        backoff_s: Before the second try, doubled for each further one, with jitter.
        breaker_failures: Failures in a row after which a layer is skipped.
        breaker_open_s: How long, before one call may probe it.
    """

    cache_max_age_s: float = attrs.field(default=1.0, validator=_positive)
    relay_every_s: float = attrs.field(
        default=attrs.Factory(
            lambda options: min(0.2, options.cache_max_age_s / 5), takes_self=True
        ),
        validator=_positive,
    )
    notes_max: int = attrs.field(default=5000, validator=_positive)
    behind_max: int = attrs.field(default=100_000, validator=_positive)
    call_s: float = attrs.field(default=10.0, validator=_positive)
    cache_call_s: float = attrs.field(default=0.5, validator=_positive)
    attempts: int = attrs.field(default=3, validator=_positive)
    backoff_s: float = attrs.field(default=0.05, validator=_positive)
    breaker_failures: int = attrs.field(default=3, validator=_positive)
    breaker_open_s: float = attrs.field(default=1.0, validator=_positive)

    def __attrs_post_init__(self) -> None:
        if self.relay_every_s * 2 > self.cache_max_age_s:
            raise ValueError(
                f"relay_every_s is {self.relay_every_s}; expected at most half of "
                f"cache_max_age_s, which is {self.cache_max_age_s}, or caches are rarely trusted"
            )
