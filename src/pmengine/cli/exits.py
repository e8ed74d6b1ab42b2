"""The exit codes of `pmengine`."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """What a script can tell from the exit code."""

    FINE = 0
    """Done, and everything that was looked at is right."""
    DIFFERENT = 1
    """Done, and two things that should agree do not, or a service does not do its work."""
    USAGE = 2
    """The command line, its input or the settings cannot be read."""
    MISSING = 3
    """A package is missing."""
    STOPPED = 4
    """The exchange cannot start, a service could not go on, or a store does not answer."""
    ABSENT = 5
    """What was asked for is not there."""
