"""What clauses expect, with messages that show what was seen; works under `python -O` too."""

from __future__ import annotations

from collections.abc import Awaitable

from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.testing.showing import difference


def expect(holds: bool, seen: str) -> None:
    """
    Go on only if *holds*.

    Raises:
        AssertionError: With what was *seen*.
    """
    if not holds:
        raise AssertionError(seen)


def expect_equal(found: object, wanted: object, what: str) -> None:
    """
    Go on only if *found* equals *wanted*.

    Raises:
        AssertionError: With where they differ.
    """
    if found != wanted:
        raise AssertionError(f"{what}\n{difference(found, wanted)}")


async def expect_raises(error: type[Exception], call: Awaitable[object], what: str) -> None:
    """
    Go on only if awaiting *call* raises exactly this kind of error.

    Raises:
        AssertionError: It answered, or raised another error.
    """
    try:
        answer = await call
    except error as raised:
        if not isinstance(raised, StoreUnavailable):
            outcome = getattr(raised, "outcome", WriteOutcome.NOT_APPLIED)
            expect_equal(outcome, WriteOutcome.NOT_APPLIED, f"{what}: outcome of {raised!r}")
        return
    except Exception as raised:
        raise AssertionError(f"{what}: raised {raised!r}, not {error.__name__}") from raised
    raise AssertionError(f"{what}: answered {answer!r} instead of raising {error.__name__}")
