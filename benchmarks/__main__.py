"""`python -m benchmarks [NAME…]`: measures, prints a table, writes JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import (
    deployed,
    end_to_end,
    engine,
    growth,
    history,
    http,
    ladder,
    library,
    memory,
    peers,
    postgres,
    recovery,
    redis,
    redis_stream,
    shards,
    sqlite,
    stack,
    store_service,
    websocket,
)
from benchmarks.compiled import (
    CompiledEnvironment,
    NotCompiled,
    compiled_environment,
    measure_compiled,
)
from benchmarks.machine import Machine, this_machine
from benchmarks.measuring import Advance, Figure, bare_loop_ns
from pmengine.compiled import is_compiled

_Measure = Callable[[int, int, Advance], list[Figure]]


@attrs.frozen
class _Benchmark:
    measure: _Measure
    count: int
    """Operations of a run."""
    steps: int
    """How often a repeat says that it advances."""
    repeated: bool = True
    quick: int | None = None
    """Operations of a quick run; a tenth without one."""
    core: bool = False
    """Whether it runs on the modules that may be compiled: then both forms are measured."""


@attrs.frozen
class _Row:
    """A figure, and the code that it was measured on: "" where none of it is ever compiled."""

    figure: Figure
    code: str


BENCHMARKS: Final = {
    "ladder": _Benchmark(ladder.measure, 500_000, 6, quick=5_000, core=True),
    "peers": _Benchmark(peers.measure, 100_000, 1, core=True),
    "engine": _Benchmark(engine.measure, 100_000, 2, quick=3_000, core=True),
    "growth": _Benchmark(growth.measure, growth.RESTING_MAX, 9, core=True),
    "end-to-end": _Benchmark(end_to_end.measure, 50_000, 3, quick=2_000, core=True),
    "deployed": _Benchmark(deployed.measure, deployed.SECONDS, 5, repeated=False, core=True),
    "shards": _Benchmark(shards.measure, shards.SECONDS, 2, repeated=False, core=True),
    "history": _Benchmark(history.measure, history.COMMANDS, 1, quick=2_000),
    "http": _Benchmark(http.measure, http.ORDERS, 1, quick=2_000, core=True),
    "websocket": _Benchmark(
        websocket.measure, websocket.SECONDS, 3, repeated=False, quick=websocket.SECONDS_MIN
    ),
    "memory": _Benchmark(memory.measure, memory.RESTING, 2, repeated=False, core=True),
    "library": _Benchmark(library.measure, 100_000, 3, repeated=False, quick=2_000),
    "postgres": _Benchmark(postgres.measure, postgres.SAVED, 2),
    "redis": _Benchmark(redis.measure, redis.SAVED, 2),
    "redis-stream": _Benchmark(redis_stream.measure, redis_stream.APPENDED, 3, repeated=False),
    "sqlite": _Benchmark(sqlite.measure, sqlite.SAVED, 2, quick=3_000),
    "stack": _Benchmark(stack.measure, 100_000, 1, quick=3_000),
    "store-service": _Benchmark(
        store_service.measure, store_service.RESTING, 3, repeated=False, quick=20_000
    ),
    "recovery": _Benchmark(recovery.measure, recovery.RESTING, 1, core=True),
}
REPEATS: Final = 5
QUICK_REPEATS: Final = 2
_WIDTH_MIN: Final = 124
_MILLIONS_FROM: Final = 10_000_000
QUICK_PART: Final = 10
"""A quick run has one operation in so many, or fewer: enough to see that everything runs."""


def main(arguments: Sequence[str]) -> list[Figure]:
    """Measure what *arguments* ask for; the figures that were shown and written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", type=Path, default=Path(".benchmarks/latest.json"))
    parser.add_argument("--quick", action="store_true", help="little work, few repeats")
    parser.add_argument(
        "--compiled",
        type=Path,
        metavar="PYTHON",
        help="measure the engine on the compiled wheel of this interpreter as well",
    )
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    try:
        compiled = compiled_environment(asked.compiled) if asked.compiled else None
    except NotCompiled as error:
        parser.error(str(error))
    console = Console()
    if console.width < _WIDTH_MIN:
        console = Console(width=_WIDTH_MIN)
    machine = this_machine()
    rows = _measure(asked.names or list(BENCHMARKS), asked.quick, compiled, console)
    _show(rows, machine, asked.quick, compiled, console)
    _write(asked.json, rows, machine, asked.quick, compiled)
    console.print(f"Written to {asked.json}", highlight=False)
    return [row.figure for row in rows]


def _measure(
    names: Sequence[str], quick: bool, compiled: CompiledEnvironment | None, console: Console
) -> list[_Row]:
    here = "compiled" if is_compiled() else "interpreted"
    repeats = QUICK_REPEATS if quick else REPEATS
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    rows: list[_Row] = []
    with Progress(*columns, console=console) as progress:
        # A display that refreshes itself from a thread of its own would be measured too.
        progress.live.auto_refresh = False
        total = sum(
            benchmark.steps
            * (repeats if benchmark.repeated else 1)
            * (2 if benchmark.core and compiled else 1)
            for benchmark in map(BENCHMARKS.__getitem__, names)
        )
        task = progress.add_task("starting", total=total)
        for name in names:
            benchmark = BENCHMARKS[name]
            progress.update(task, description=name, refresh=True)

            def advance() -> None:
                progress.advance(task)
                progress.refresh()

            count = benchmark.count
            if quick:
                count = benchmark.quick or count // QUICK_PART
            code = here if benchmark.core else ""
            rows += [_Row(one, code) for one in benchmark.measure(count, repeats, advance)]
            if benchmark.core and compiled:
                progress.update(task, description=f"{name}, compiled", refresh=True)
                figures = measure_compiled(name, compiled, quick=quick)
                rows += [_Row(one, "compiled") for one in figures]
                progress.advance(task, benchmark.steps * (repeats if benchmark.repeated else 1))
    return rows


def _show(
    rows: Sequence[_Row],
    machine: Machine,
    quick: bool,
    compiled: CompiledEnvironment | None,
    console: Console,
) -> None:
    console.print(str(machine), highlight=False)
    if compiled:
        console.print(f"compiled: {compiled.described}", highlight=False)
        if compiled.outdated:
            console.print(
                f"[yellow]It was built before {compiled.outdated[0]} changed, and "
                f"{len(compiled.outdated) - 1} other modules: `make compiled` builds it anew"
            )
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("figure", "code", "median", "", "target", "reached", "bare loops", "spread"):
        left = name in ("figure", "code", "")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for row in rows:
        figure = row.figure
        table.add_row(
            figure.name,
            row.code,
            _number(figure.value),
            figure.unit,
            "" if figure.target is None else _number(figure.target),
            _verdict(figure.reached),
            "" if figure.bare_loop_ratio is None else _number(figure.bare_loop_ratio),
            f"{figure.spread:.0%}",
        )
    console.print(table)
    told = {f"{row.figure.name}: {row.figure.detail}": None for row in rows if row.figure.detail}
    for line in told:
        console.print(line, highlight=False)
    runs = max(row.figure.runs for row in rows)
    console.print(
        f"Medians of {runs} runs, taken in turn. 'bare loops' is what one operation "
        "costs in iterations of `for i in range(n): pass`, measured before and after each run "
        f"(now {bare_loop_ns():.1f} ns). The garbage collector is set as the services set it: "
        "gc.freeze() before each run, thresholds 50000/20/1000000.",
        highlight=False,
    )
    if quick:
        console.print("[yellow]A quick run: too small for figures to be compared.")


def _verdict(reached: float | None) -> str:
    if reached is None:
        return ""
    return f"[green]met {reached:.2f}[/]" if reached >= 1 else f"[red]missed {reached:.2f}[/]"


def _number(value: float) -> str:
    if value >= _MILLIONS_FROM:
        return f"{value / 1e6:,.1f} M"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _write(
    path: Path,
    rows: Sequence[_Row],
    machine: Machine,
    quick: bool,
    compiled: CompiledEnvironment | None,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "machine": attrs.asdict(machine),
        "compiled": compiled.described if compiled else None,
        "quick": quick,
        "figures": [
            {**attrs.asdict(row.figure), "reached": row.figure.reached, "code": row.code}
            for row in rows
        ],
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
