"""The exit codes, and which failure ends with which."""

from __future__ import annotations

import enum
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pmstore.errors import (
    CorruptData,
    PluginError,
    PmstoreError,
    SettingsError,
    StoreUnavailable,
)


class Exit(enum.IntEnum):
    """What a script can tell from the exit code."""

    FINE = 0
    """Done, and everything that was looked at is right."""
    DAMAGED = 1
    """Done, and something is not right: damaged data, a copy that differs, a doctor's error."""
    USAGE = 2
    """The command line cannot be read."""
    UNUSABLE = 3
    """The URL, a setting or a plugin cannot be used."""
    UNAVAILABLE = 4
    """The store does not answer, or another process holds it."""
    ABSENT = 5
    """What was asked for is not there."""
    STOPPED = 130
    """Stopped by Ctrl-C before it was done."""


@contextmanager
def failures_as_exits(*, stopped: str = "stopped") -> Iterator[None]:
    """
    Turn what pmstore raises, or warns of, into lines on the error output; errors end it.

    *stopped* is said when Ctrl-C ends it.
    """
    try:
        with warnings.catch_warnings(record=True, action="always") as noticed:
            yield
        for notice in noticed:
            say(str(notice.message))
    except (SettingsError, PluginError) as error:
        _end(error, Exit.UNUSABLE)
    except CorruptData as error:
        _end(error, Exit.DAMAGED)
    except StoreUnavailable as error:
        _end(error, Exit.UNAVAILABLE)
    except PmstoreError as error:
        _end(error, Exit.UNUSABLE)
    except BrokenPipeError:
        # Whoever reads has enough, as in `pmstore find … | head`: that is no trouble.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.FINE)
    except OSError as error:
        _end(error, Exit.UNAVAILABLE)
    except KeyboardInterrupt:
        say(stopped)
        sys.exit(Exit.STOPPED)


def say(message: str) -> None:
    """Print a message for people on the error output."""
    for line in message.splitlines():
        print(f"pmstore: {line}", file=sys.stderr)


def _end(error: Exception, code: Exit) -> None:
    say(str(error))
    sys.exit(code)
