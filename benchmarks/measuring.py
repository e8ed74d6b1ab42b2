"""Runs a workload several times, each beside a bare loop, and sums the runs up by medians."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

_BARE_ITERATIONS = 2_000_000


@attrs.frozen
class Run:
    """One repeat: so many operations in so many seconds."""

    operations: int
    seconds: float
    bare_loop_ns: float
    """One iteration of a bare loop, measured just before and just after."""


@attrs.frozen(kw_only=True)
class Figure:
    """
    A measured number and what is asked of it.

    `value` is a rate in operations a second, a duration in seconds or how many times as
    much as its rival of the same run; `target` the least of it, or the most of it if
    `at_most`, None where nothing is asked.
    `bare_loop_ratio` says how many iterations of a bare loop one operation costs (for a
    duration: all of it; for what is no time: None).
    """

    name: str
    value: float
    unit: str
    target: float | None
    bare_loop_ratio: float | None
    spread: float
    """Largest less smallest run, as a part of the median."""
    runs: int
    detail: str = ""
    at_most: bool = False

    @property
    def reached(self) -> float | None:
        """How much of the target was reached; 1 or more is met."""
        if self.target is None:
            return None
        return self.target / self.value if self.at_most else self.value / self.target


def rate(
    name: str,
    runs: list[Run],
    *,
    target: float | None = None,
    unit: str = "ops/s",
    detail: str = "",
) -> Figure:
    """The median rate of *runs*."""
    values = [run.operations / run.seconds for run in runs]
    ratios = [run.seconds / run.operations * 1e9 / run.bare_loop_ns for run in runs]
    return _figure(name, values, ratios, target, unit, detail)


def duration(
    name: str, runs: list[Run], *, target: float | None = None, detail: str = ""
) -> Figure:
    """The median duration of *runs*."""
    values = [run.seconds for run in runs]
    ratios = [run.seconds * 1e9 / run.bare_loop_ns for run in runs]
    return attrs.evolve(_figure(name, values, ratios, target, "s", detail), at_most=True)


def ratio(
    name: str,
    runs: list[Run],
    rival: list[Run],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    detail: str = "",
) -> Figure:
    """
    How *runs* compare with a *rival* that took turns with them, by the median of the pairs.

    With *at_least*: how many times as fast they are; with *at_most*: how many times as
    long one operation takes.
    """
    faster = [
        (run.operations / run.seconds) / (other.operations / other.seconds)
        for run, other in zip(runs, rival, strict=True)
    ]
    values = faster if at_most is None else [1 / value for value in faster]
    return attrs.evolve(
        _figure(name, values, values, at_least if at_most is None else at_most, "x", detail),
        bare_loop_ratio=None,
        at_most=at_most is not None,
    )


def amount(
    name: str, value: float, unit: str, detail: str, *, at_most: float | None = None
) -> Figure:
    """Something that was counted once and is no rate, *at_most* the target if there is one."""
    return Figure(
        name=name,
        value=value,
        unit=unit,
        target=at_most,
        bare_loop_ratio=None,
        spread=0.0,
        runs=1,
        detail=detail,
        at_most=at_most is not None,
    )


def _figure(
    name: str,
    values: list[float],
    ratios: list[float],
    target: float | None,
    unit: str,
    detail: str,
) -> Figure:
    median = statistics.median(values)
    return Figure(
        name=name,
        value=median,
        unit=unit,
        target=target,
        bare_loop_ratio=statistics.median(ratios),
        spread=(max(values) - min(values)) / median,
        runs=len(values),
        detail=detail,
    )


def bare_loop_ns() -> float:
    """What one iteration of `for i in range(n): pass` takes now."""
    count = _BARE_ITERATIONS
    start = time.perf_counter()
    for _ in range(count):
        pass
    return (time.perf_counter() - start) / count * 1e9


class Stopwatch:
    """Measures what a repeat says is its work, between two bare loops."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    @contextmanager
    def work(self, operations: int) -> Iterator[Callable[[], float]]:
        """Time the block as one run of *operations*; gives what tells the seconds so far."""
        before = bare_loop_ns()
        with spared_collector():
            start = time.perf_counter()
            yield lambda: time.perf_counter() - start
            seconds = time.perf_counter() - start
        self.runs.append(Run(operations, seconds, (before + bare_loop_ns()) / 2))


@contextmanager
def spared_collector() -> Iterator[None]:
    """
    Set the garbage collector as the services do: what stands is permanent, few collections.

    What the block leaves behind is collected after it.
    """
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1_000_000)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


Advance = Callable[[], None]
"""Says that one of a benchmark's steps is done."""
