"""What redis-py raises and Redis answers, as our errors that say whether it happened."""

from __future__ import annotations

import asyncio
from typing import Final

from redis import exceptions

from pmstore.errors import CorruptData, PmstoreError, StoreUnavailable, WriteOutcome

BEFORE: Final = (
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.BusyLoadingError,
    exceptions.ClusterDownError,
    exceptions.NoPermissionError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.TryAgainError,
    exceptions.MovedError,
    exceptions.AskError,
    exceptions.NoScriptError,
)
"""Answers that the server gives before it does anything."""

_CODES_BEFORE: Final = ("BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE", "NOAUTH", "NOTBUSY")
"""Such answers for which redis-py has no class: they come with the code in their text."""

_OPERATOR: Final = (
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.NoPermissionError,
)
"""What no repetition mends."""


def is_answer(error: Exception) -> bool:
    """Whether the server said it, and not the connection; redis-py mixes both."""
    return isinstance(error, (exceptions.ResponseError, *BEFORE))


def refused(error: Exception, where: str) -> StoreUnavailable:
    """The error of a call that was never sent."""
    return _unavailable(error, where, outcome=WriteOutcome.NOT_APPLIED)


def lost(error: Exception, where: str, *, writes: bool) -> StoreUnavailable:
    """The error of a call that was sent, at least in part, and not answered."""
    outcome = WriteOutcome.UNKNOWN if writes else WriteOutcome.NOT_APPLIED
    return _unavailable(error, where, outcome=outcome)


def answered(error: Exception, where: str, *, writes: bool) -> PmstoreError:
    """The error of a call that the server answered with one."""
    text = str(error)
    code = text.partition(" ")[0]
    if code == "WRONGTYPE":
        return CorruptData("a key of ours holds a value of another kind", where=where)
    before = isinstance(error, BEFORE) or code in _CODES_BEFORE
    outcome = WriteOutcome.NOT_APPLIED if before or not writes else WriteOutcome.UNKNOWN
    unavailable = _unavailable(error, where, outcome=outcome)
    unavailable.retryable = before and not isinstance(error, _OPERATOR)
    return unavailable


def _unavailable(error: Exception, where: str, *, outcome: WriteOutcome) -> StoreUnavailable:
    unavailable = StoreUnavailable(f"{where}: {reason(error)}", outcome=outcome)
    unavailable.retryable = not isinstance(error, _OPERATOR)
    return unavailable


def reason(error: Exception) -> str:
    """What went wrong, in the words of the server or of the system."""
    if isinstance(error, (asyncio.TimeoutError, exceptions.TimeoutError)):
        return "no answer in time"
    code = getattr(error, "status_code", None)
    text = str(error) or type(error).__name__
    return f"{code} {text}" if code and not text.startswith(code) else text
