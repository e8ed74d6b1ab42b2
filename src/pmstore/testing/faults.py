"""Wraps any store so that calls fail before or after their work, or are never answered."""

from __future__ import annotations

import asyncio
import enum
import inspect
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.protocols.store import Coverage, Limits, Store

S = TypeVar("S", bound=Store)


class Fault(enum.Enum):
    """What happens to a call."""

    BEFORE = "before"
    """It fails before the store heard of it: `StoreUnavailable`, `not_applied`."""
    AFTER = "after"
    """The store does it, and its answer is lost: `StoreUnavailable`, `unknown`."""
    NEVER = "never"
    """The store does not hear of it, and nobody answers until `Faults.release`; then as BEFORE,
    but `unknown`."""
    NEVER_AFTER = "never after"
    """The store does it, and nobody answers until `Faults.release`; then as AFTER."""


class Faults:
    """
    The script of a faulty store: which of its calls fail, and how.

    Calls are counted from 1, each verb on its own, and all of them together; what is set for
    a call beats `down`.

    Attributes:
        down: What happens to every call that nothing is set for; None: it goes through.
        calls: The verbs that were called, in order.
    """

    def __init__(self) -> None:
        self.down: Fault | None = None
        self.calls: list[str] = []
        self._set: dict[tuple[str | None, int], Fault] = {}
        self._released = asyncio.Event()

    def at(self, number: int, fault: Fault, *, verb: str | None = None) -> None:
        """Let the *number*-th call from the beginning fail, or that of one *verb*."""
        self._set[verb, number] = fault

    def next(self, fault: Fault, *, verb: str | None = None) -> None:
        """Let the next call fail, or the next of one *verb*."""
        self.at(self._count(verb) + 1, fault, verb=verb)

    def heal(self) -> None:
        """No call fails any more; those that nobody answers are released."""
        self.down = None
        self._set.clear()
        self.release()

    def release(self) -> None:
        """End the calls that nobody answers, with an error."""
        self._released.set()
        self._released = asyncio.Event()

    async def play(self, verb: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Make *call* as the script says."""
        self.calls.append(verb)
        fault = self._set.pop((verb, self._count(verb)), None)
        fault = self._set.pop((None, self._count(None)), fault) or self.down
        match fault:
            case None:
                return await call()
            case Fault.BEFORE:
                raise StoreUnavailable(f"{verb} was not sent", outcome=WriteOutcome.NOT_APPLIED)
            case Fault.AFTER:
                await call()
            case Fault.NEVER:
                await self._released.wait()
            case Fault.NEVER_AFTER:
                await call()
                await self._released.wait()
        raise StoreUnavailable(f"{verb} was not answered", outcome=WriteOutcome.UNKNOWN)

    def _count(self, verb: str | None) -> int:
        return len(self.calls) if verb is None else self.calls.count(verb)


class _Faulty:
    """A store whose verbs go through a script."""

    def __init__(self, store: Any, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    @property
    def limits(self) -> Limits:
        limits: Limits = self._store.limits
        return limits

    @property
    def coverage(self) -> Coverage:
        coverage: Coverage = self._store.coverage
        return coverage

    async def __aenter__(self) -> Self:
        await self._store.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await self._store.__aexit__(exc_type, exc, traceback)

    def __getattr__(self, name: str) -> Any:
        # Asked only for what is not above; a verb that the store has not stays absent.
        verb = getattr(self._store, name)
        if not inspect.iscoroutinefunction(verb):
            return verb

        async def faulty(*positional: Any, **named: Any) -> Any:
            return await self._faults.play(name, lambda: verb(*positional, **named))

        return faulty


def faulty(store: S, faults: Faults) -> S:
    """
    *store* with every verb going through the script *faults*.

    It has the verbs, the lifetime, the limits and the coverage of *store*, and its type to a
    type checker. Entering and leaving never fail.

        faults = Faults()
        async with faulty(MemoryOrderStore(), faults) as orders:
            faults.next(Fault.AFTER, verb="save")
            await orders.save([order])      # raises StoreUnavailable, and saved it
    """
    return cast(S, _Faulty(store, faults))
