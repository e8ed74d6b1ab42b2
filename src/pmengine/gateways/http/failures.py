"""What a client is told when its request failed in a way that the operation did not foresee."""

from __future__ import annotations

from time import perf_counter
from typing import Final

import structlog

from pmengine.gateways.http.problems import Problem
from pmstore.errors import InvalidQuery, StoreClosed, StoreUnavailable

QUIET_S: Final = 10.0
"""After a path was said to fail for the stores' sake it is not said again for so long."""

_said_at: Final[dict[str, float]] = {}
_logger = structlog.get_logger("pmengine.http")


def problem_from(error: Exception, method: str, path: str, *, is_applied: bool) -> Problem:
    """
    The answer to a request that ended with *error*.

    A problem of the stores is 503, our own bug 500 with a line in the log.

    Args:
        is_applied: Whether its command was accepted: then it does not sound as if nothing had
            been done.
    """
    problem = error if isinstance(error, Problem) else _unforeseen(error, method, path)
    # Who handles it holds it: with the frames that it came through it would hold itself, and the
    # whole request, until a collector looks that passes over what is old.
    problem.__traceback__ = problem.__context__ = None
    return _done_but_not_shown(problem) if is_applied and problem.status == 503 else problem


def _say(method: str, path: str, reason: str) -> None:
    """Say that a store did not answer; not for every request of an outage."""
    now = perf_counter()
    if now - _said_at.get(path, -QUIET_S) >= QUIET_S:
        _said_at[path] = now
        _logger.warning("store_unavailable", method=method, path=path, reason=reason)


def _done_but_not_shown(problem: Problem) -> Problem:
    """503 says that nothing was done; after an acceptance that would be false."""
    return Problem(
        504,
        "DONE_NOT_SHOWN",
        f"it was done, but its result cannot be shown: {problem.detail}",
    )


def _unforeseen(error: Exception, method: str, path: str) -> Problem:
    if isinstance(error, InvalidQuery):
        return Problem(400, "MALFORMED", str(error))
    if isinstance(error, StoreClosed | StoreUnavailable):
        _say(method, path, str(error))
        return Problem(
            503,
            "STORE_UNAVAILABLE",
            "a store did not answer; ask again",
            headers={b"retry-after": b"1"},
        )
    _logger.error("request_failed", method=method, path=path, exc_info=error)
    return Problem(500, "INTERNAL", "the exchange failed at this request; its log says why")
