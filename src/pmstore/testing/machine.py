"""What the random histories of all contracts share: a store in trouble, and how they run."""

from __future__ import annotations

import asyncio
import enum
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pmstore.errors import StoreUnavailable
from pmstore.protocols.store import Store
from pmstore.testing.cancellation import CountedAwaits
from pmstore.testing.expect import expect
from pmstore.testing.fault_proxy import FaultProxy, Script
from pmstore.testing.rig import Trial

S = TypeVar("S", bound=Store)
A = TypeVar("A")

_STEPS: Final = 40
_SMALLER_S: Final = 10.0
"""How long a history that breaks its law is made smaller at most."""
_ON_ITS_WAY_S: Final = 0.02
"""How long a server may still work on a call that was given up here."""


class Trouble(enum.Enum):
    """What happens in the middle of a write, where the rig says how."""

    CANCELLED = "cancelled"
    CRASH = "crash"
    LOST_REQUEST = "lost request"
    LOST_ANSWER = "lost answer"


TROUBLES: Final = st.none() | st.tuples(st.sampled_from(Trouble), st.integers(1, 6))
"""No trouble, or one at an await of the call, or at a part of what is sent."""


class _TimeIsUp(BaseException):
    """Ends all histories; not an `Exception`, which would be one more history to make small."""


class _Enough(BaseException):
    """Ends all histories before one that might not end in time."""


class _Histories:
    """What the histories of one run know of each other."""

    def __init__(self, deadline_s: float) -> None:
        self._until = time.monotonic() + deadline_s
        self._begin_until = self._until - deadline_s / 2
        self.were_enough = False
        """Whether they were ended without being wrong."""
        self.count = 0
        self.last: list[str] = []
        """The steps of the history under way."""
        self.broken: tuple[list[str], Exception] | None = None
        """The shortest history that broke the law, and what was seen in the end."""

    def begin(self) -> list[str]:
        if self.count and self.broken is None and time.monotonic() > self._begin_until:
            self.were_enough = True
            raise _Enough
        self.count += 1
        self.last = []
        return self.last

    def break_with(self, error: Exception) -> None:
        """Keep the history under way, unless a shorter one is known."""
        if self.broken is None:
            self._until = min(self._until, time.monotonic() + _SMALLER_S)
        if self.broken is None or _size(self.last) <= _size(self.broken[0]):
            self.broken = (self.last, error)

    def left_s(self) -> float:
        """Seconds until the deadline; raises if there are none."""
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise _TimeIsUp
        return left_s


def _size(steps: list[str]) -> tuple[int, int]:
    return len(steps), sum(map(len, steps))


def _numbered(steps: list[str]) -> str:
    return "\n".join(f"    {number:>2}. {step}" for number, step in enumerate(steps, start=1))


class Machine(RuleBasedStateMachine, Generic[S]):
    """A store at a place of its own, with an event loop that ends with the history."""

    trial: Trial[S]
    histories: _Histories
    store: S

    def __init__(self) -> None:
        super().__init__()
        self._steps = self.histories.begin()
        self._runner = asyncio.Runner()
        self._place: Path = self.trial.place()
        self._closing = ExitStack()
        self._proxy: FaultProxy | None = None
        if self.trial.rig.declares("proxied"):
            assert self.trial.rig.server is not None
            self._proxy = self._closing.enter_context(FaultProxy(*self.trial.rig.server))
        self.do(self._open)

    def step(self, text: str, trouble: tuple[Trouble, int] | None = None) -> None:
        """Note what is done next, for whoever reads a history that broke a law."""
        self._steps.append(text if trouble is None else f"{text}, {_told(trouble)}")

    def possible(self, trouble: tuple[Trouble, int] | None) -> tuple[Trouble, int] | None:
        """*trouble*, if the rig says how to make it; else None."""
        match trouble:
            case (Trouble.CRASH, _) if not self.trial.rig.declares("crash"):
                return None
            case (Trouble.LOST_REQUEST | Trouble.LOST_ANSWER, _) if self._proxy is None:
                return None
        return trouble

    async def _open(self) -> None:
        rig = self.trial.rig
        if self._proxy is None or rig.open_through is None:
            opening = rig.open(self._place)
        else:
            opening = rig.open_through(self._place, self._proxy.host, self._proxy.port)
        self.store = await opening.__aenter__()

    async def _close(self) -> None:
        await self.store.__aexit__(None, None, None)

    async def _reopen(self) -> None:
        await self._close()
        await self._open()

    async def _crash(self) -> None:
        await self.trial.crashed(self.store)
        await self._open()

    def do(self, call: Callable[[], Awaitable[A]]) -> A:
        """Run a call in the machine's event loop."""

        return self._run(call)

    def _run(self, call: Callable[[], Awaitable[A]]) -> A:
        left_s = self.histories.left_s()

        async def run() -> A:
            try:
                async with asyncio.timeout(left_s) as scope:
                    return await call()
            except TimeoutError as error:
                if scope.expired():
                    raise _TimeIsUp from error
                raise

        return self._runner.run(run())

    def write(
        self, call: Callable[[], Coroutine[Any, Any, object]], trouble: tuple[Trouble, int] | None
    ) -> bool:
        """Make a call, in the middle of which comes *trouble*; whether it was acknowledged."""

        async def run() -> bool:
            match trouble:
                case (Trouble.CANCELLED, at):
                    return await self._cancelled(call(), at)
                case (Trouble.CRASH, at):
                    return await self._crashed(call(), at)
                case (Trouble.LOST_REQUEST, at) if self._proxy is not None:
                    return await self._lost(call(), Script(lose_request=at))
                case (Trouble.LOST_ANSWER, at) if self._proxy is not None:
                    return await self._lost(call(), Script(lose_answer=at))
            await call()
            return True

        return self._run(run)

    def found(self, question: Callable[[], Awaitable[A]], before: A, after: A, what: str) -> A:
        """What a write of unknown outcome left, which is *before* or *after*."""

        async def ask() -> A:
            return await self._answer(question)

        async def run() -> A:
            found = await ask()
            if found == before != after:
                await asyncio.sleep(_ON_ITS_WAY_S)
                found = await ask()
            return found

        found = self._run(run)
        expect(
            found in (before, after),
            f"{what}\n    found  {found!r}\n    before {before!r}\n    after  {after!r}",
        )
        return found

    async def _answer(self, question: Callable[[], Awaitable[A]]) -> A:
        """The answer to a question, asked again while the store recovers."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.trial.rig.gives_up_s
        while True:
            try:
                return await question()
            except StoreUnavailable:
                if loop.time() > until:
                    raise
                await asyncio.sleep(_ON_ITS_WAY_S)

    async def _cancelled(self, call: Coroutine[Any, Any, object], at: int) -> bool:
        task = asyncio.ensure_future(_awaited(CountedAwaits(call, at, lambda: task.cancel())))
        await asyncio.wait({task})
        if task.cancelled():
            return False
        await task
        return True

    async def _crashed(self, call: Coroutine[Any, Any, object], at: int) -> bool:
        reached = asyncio.Event()
        task = asyncio.ensure_future(_awaited(CountedAwaits(call, at, reached.set)))
        waiting = asyncio.ensure_future(reached.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await task
            await self._crash()
            return True
        await self.trial.crashed(self.store)
        task.cancel()
        # What a dead process says, nobody hears.
        await asyncio.gather(task, waiting, return_exceptions=True)
        await self._open()
        return False

    async def _lost(self, call: Coroutine[Any, Any, object], script: Script) -> bool:
        assert self._proxy is not None
        self._proxy.play(script)
        try:
            await call
        except StoreUnavailable:
            return False
        finally:
            self._proxy.heal()
        # A reset may have hit a connection that nobody was using just then.
        return True

    @precondition(lambda self: self.trial.rig.durable)
    @rule()
    def reopen(self) -> None:
        """Close and open again."""
        self.step("close and open again")
        self.do(self._reopen)

    @precondition(lambda self: self.trial.rig.declares("crash"))
    @rule()
    def crash(self) -> None:
        """Die while nothing is under way, and open again."""
        self.step("crash and open again")
        self.do(self._crash)

    def teardown(self) -> None:
        """End the history, and keep it if it broke the law."""
        error = sys.exception()
        try:
            if isinstance(error, Exception) and not isinstance(error, HypothesisException):
                self.histories.break_with(error)
            self._runner.run(self._closed(error))
        finally:
            self._runner.close()
            self._closing.close()

    async def _closed(self, error: BaseException | None) -> None:
        try:
            async with asyncio.timeout(self.trial.rig.gives_up_s):
                await self._close()
        except Exception as another:
            # What broke the law, or took too long, is the thing to tell.
            if error is None:
                self.step("close")
                self.histories.break_with(another)
                raise


def _told(trouble: tuple[Trouble, int]) -> str:
    kind, at = trouble
    if kind in (Trouble.CANCELLED, Trouble.CRASH):
        return f"{kind.value} at await {at}"
    return f"{kind.value} at part {at}"


def _told_error(error: Exception) -> str:
    return str(error) if type(error) is AssertionError else f"{type(error).__name__}: {error}"


async def _awaited(call: Awaitable[A]) -> A:
    return await call


def run_machine(machine: type[Machine[S]], trial: Trial[S]) -> None:
    """
    Run *machine* on stores of *trial*, for as long as the rig's deadline allows.

    On a slow machine there are fewer histories: after half of the deadline none is begun.

    Raises:
        AssertionError: With the shortest history found that breaks the law, step by step; or
            the deadline came before a history had ended, with its steps.
    """
    rig = trial.rig
    histories = _Histories(rig.deadline_s)
    bound = type(machine.__name__, (machine,), {"trial": trial, "histories": histories})
    chosen = settings(
        max_examples=rig.examples,
        stateful_step_count=_STEPS,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[phase for phase in Phase if phase is not Phase.shrink or rig.shrinks],
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(bound, settings=chosen)
    except (Exception, _TimeIsUp, _Enough) as error:
        # Hypothesis may call a history that was not begun one that it cannot repeat.
        if histories.were_enough:
            return
        if histories.broken is not None:
            steps, seen = histories.broken
            # What Hypothesis wrote beside it are the same steps, less readable.
            seen.__dict__.pop("__notes__", None)
            again = " (another time the same steps broke nothing)" * isinstance(error, Flaky)
            raise AssertionError(
                f"{_told_error(seen)}\n  after these steps{again}:\n{_numbered(steps)}"
            ) from seen
        if isinstance(error, _TimeIsUp):
            raise AssertionError(
                f"{histories.count} histories of {rig.examples} were begun in {rig.deadline_s:g} s "
                f"and the last one had not ended; its steps:\n{_numbered(histories.last)}"
            ) from error.__cause__
        raise
