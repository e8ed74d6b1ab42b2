"""
The tree of everything that pmstore raises.

    PmstoreError
    ├── InvalidQuery          a question that cannot be asked (also a ValueError)
    ├── InvalidRecord         a value that no store may hold (also a ValueError)
    ├── LimitExceeded         a batch or value larger than the store's stated limit
    ├── VersionConflict       the same version with other content
    ├── Conflict              a stream's head is not the expected one
    ├── Fenced                a higher epoch was seen
    ├── StoreClosed           used outside `async with`
    ├── StoreUnavailable      no answer; `outcome` says whether it may have happened
    │   └── WriterLocked      another process holds the writer's lock
    ├── CorruptData           what is stored cannot be right; `where` says the place
    ├── SettingsError         every problem of a configuration at once
    └── PluginError
        ├── UnknownScheme     no plugin serves this URL
        ├── BrokenPlugin      the plugin that serves it cannot be loaded
        └── ClashingPlugins   several do, and none is pinned
"""

from __future__ import annotations

import enum
from collections.abc import Sequence


class WriteOutcome(enum.Enum):
    """What is known of a call that failed."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"


class BrokenSnapshotWarning(UserWarning):
    """A stored snapshot generation was skipped because it is broken."""


class PmstoreError(Exception):
    """
    Anything that pmstore raises.

    Attributes:
        retryable: Whether the same call may succeed later without a change.
        outcome: Whether the failed call took effect.
    """

    retryable: bool = False
    outcome: WriteOutcome = WriteOutcome.NOT_APPLIED

    def __reduce__(self) -> tuple[object, ...]:
        # As an exception is copied and pickled, but without its constructor: that takes other
        # arguments than the message. Pools of processes send what is raised in a child.
        return _again, (type(self), self.args), self.__dict__


def _again(kind: type[PmstoreError], args: tuple[object, ...]) -> PmstoreError:
    return kind.__new__(kind, *args)


class InvalidQuery(PmstoreError, ValueError):
    """A question that cannot be asked: a bad limit, cursor or argument."""


class InvalidRecord(PmstoreError, ValueError):
    """A value that no store may hold: a bad id, an integer beyond 64 bits, malformed text."""


class LimitExceeded(PmstoreError):
    """A batch or value larger than the store's stated limit; nothing was written."""


class VersionConflict(PmstoreError):
    """The store knows the same version with other content; the batch was not applied."""


class Conflict(PmstoreError):
    """The head of a stream is not the one that the append expected; nothing was written."""


class Fenced(PmstoreError):
    """A higher epoch was seen: another writer took over; nothing was written."""


class StoreClosed(PmstoreError):
    """The store was used outside `async with`."""


class StoreUnavailable(PmstoreError):
    """The store did not answer. An outage never looks like absence."""

    retryable = True

    def __init__(self, message: str, *, outcome: WriteOutcome = WriteOutcome.UNKNOWN) -> None:
        super().__init__(message)
        self.outcome = outcome


class WriterLocked(StoreUnavailable):
    """Another process holds the writer's lock; nothing was written."""

    def __init__(self, message: str) -> None:
        super().__init__(message, outcome=WriteOutcome.NOT_APPLIED)


class CorruptData(PmstoreError):
    """
    What is stored cannot be right; `where` names the file, key or row, and the place in it.

    `position` (ms, seq) is there if it is one entry of a stream: reading goes on behind it.
    """

    def __init__(
        self, message: str, *, where: str, position: tuple[int, int] | None = None
    ) -> None:
        super().__init__(f"{where}: {message}")
        self.where = where
        self.position = position


class SettingsError(PmstoreError):
    """Every problem of a configuration at once, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class PluginError(PmstoreError):
    """A backend cannot be found or loaded."""


class UnknownScheme(PluginError):
    """No installed plugin serves the URL's scheme."""


class BrokenPlugin(PluginError):
    """The plugin that serves the URL's scheme failed while it was loaded."""


class ClashingPlugins(PluginError):
    """Several plugins serve the URL's scheme and none of them is pinned."""
