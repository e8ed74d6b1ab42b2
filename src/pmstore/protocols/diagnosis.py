"""What a check-up of one store finds, and what it has to know beforehand."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

import attrs

DIAGNOSIS_TIMEOUT_S: Final = 5.0


class Level(enum.Enum):
    """How bad a finding is."""

    FINE = "fine"
    """As it should be."""
    WARNING = "warning"
    """It works, and something about it will hurt one day."""
    ERROR = "error"
    """It does not work, or it loses data."""


class Role(enum.Enum):
    """What a store is in its stack."""

    TRUTH = "truth"
    CACHE = "cache"
    SINK = "sink"


@attrs.frozen(kw_only=True)
class Finding:
    """
    One thing that a check-up found.

    Attributes:
        level: How bad it is.
        kind: The same word for the same trouble in every backend, for programs:
            `reachable`, `unreachable`, `password`, `permission`, `eviction`,
            `schema-missing`, `schema-older`, `schema-newer`, `clock-skew`, `read-only`,
            `disk-full`, `outbox-backlog`, `damaged`, `locked`, or one of a plugin's own.
        what: What was found, in one sentence, with figures; never a secret.
        where: The URL without its secrets, the file, the server.
        remedy: The next step of whoever reads it; empty if there is nothing to do.
    """

    level: Level
    kind: str
    what: str
    where: str
    remedy: str = ""


@attrs.frozen(kw_only=True)
class Examination:
    """
    What a check-up is asked to look at.

    Attributes:
        role: Of the store in its stack: a truth must keep everything, a cache may forget.
        contracts: Names of what is kept there (`orders`, `trades`, …).
        clock: The time of this machine in epoch milliseconds, to compare with the server's.
        timeout_s: Seconds after which a server counts as unreachable.
    """

    role: Role = Role.TRUTH
    contracts: frozenset[str] = frozenset()
    clock: Callable[[], int]
    timeout_s: float = DIAGNOSIS_TIMEOUT_S
