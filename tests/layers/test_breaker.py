"""A layer that does not answer is left alone, and tried again by one call at a time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pmstore.layers.breaker import Breaker, BreakerState

FAILURES, OPEN_S = 3, 10.0


class BreakerMachine(RuleBasedStateMachine):
    """The breaker beside a list of what happened."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.breaker = Breaker(failures=FAILURES, open_s=OPEN_S, now_s=lambda: self.now_s)
        self.in_a_row = 0
        self.opened_s: float | None = None
        self.probing = False

    @rule(seconds=st.sampled_from([1.0, 9.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(ends=st.sampled_from(["succeeded", "failed", "abandoned"]))
    @precondition(lambda self: not self.probing)
    def call(self, ends: str) -> None:
        may = self.opened_s is None or self.now_s >= self.opened_s + OPEN_S
        assert self.breaker.allows() is may
        if not may:
            return
        getattr(self.breaker, ends)()
        if ends == "succeeded":
            self.in_a_row, self.opened_s = 0, None
        elif ends == "failed":
            self.in_a_row += 1
            if self.opened_s is not None or self.in_a_row >= FAILURES:
                self.opened_s = self.now_s

    @rule()
    @precondition(lambda self: self.breaker.state is BreakerState.HALF_OPEN and not self.probing)
    def begin_probe(self) -> None:
        assert self.breaker.allows()
        self.probing = True

    @rule()
    @precondition(lambda self: self.probing)
    def others_wait_for_the_probe(self) -> None:
        assert not self.breaker.allows()

    @rule()
    @precondition(lambda self: self.probing)
    def end_probe(self) -> None:
        self.breaker.succeeded()
        self.probing, self.in_a_row, self.opened_s = False, 0, None

    @invariant()
    def it_says_what_it_does(self) -> None:
        if self.opened_s is None:
            assert self.breaker.state is BreakerState.CLOSED
        elif self.now_s < self.opened_s + OPEN_S:
            assert self.breaker.state is BreakerState.OPEN
        else:
            assert self.breaker.state is BreakerState.HALF_OPEN


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
