"""The ladder beside the order books in Python that can be had, on one flow with one outcome."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.measuring import Advance, Figure, Run, Stopwatch, bare_loop_ns, rate, ratio
from benchmarks.peer_engines import ADD, CANCEL, TAKE, Step, Trade
from benchmarks.tapes import Operation, make_tape
from pmengine.compiled import is_compiled
from pmengine.matching.ladder import Ladder

PEERS: Final = {
    "lightmatchingengine": "lightmatchingengine",
    "cython-orderbook": "cython-orderbook",
    "akhil4n-orderbook": "akhil4n-orderbook",
    "pyorderbook": "pyorderbook",
    # It does not start without what this extra brings.
    "order-matching": "order-matching[polars]",
}
"""The name of each on the package index, and what is asked of pip."""

RESTING: Final = 1_000
COMPILED_TARGET: Final = 15.0
INTERPRETED_TARGET: Final = 4.0
SECONDS_MAX: Final = 1.0
"""For one run of one of them; the slow ones do only the beginning of the flow."""
INSTALL_S_MAX: Final = 60.0

_FOLDER: Final = Path(".benchmarks/peers")
_PROGRAM: Final = Path(__file__).with_name("peer_engines.py")


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """How fast each is and how many times as fast the ladder; all of them in turn."""
    tape = make_tape(count, resting=RESTING)
    before, measured = _flow([*tape.before, *tape.measured], len(tape.before))
    orders = len(before) + len(measured)
    trades = _trades_of_ladder(before, measured, orders)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    python = _FOLDER / "environment" / "bin" / "python"
    missing = _install(python)
    flow = _FOLDER / "flow.json"
    flow.write_text(
        json.dumps({"orders": orders, "before": before, "measured": measured}), encoding="utf-8"
    )
    for name in [name for name in PEERS if name not in missing]:
        problem = _difference(python, name, flow, trades)
        if problem:
            missing[name] = problem
    ours = Stopwatch()
    theirs: dict[str, list[Run]] = {name: [] for name in PEERS if name not in missing}
    for _ in range(repeats):
        _run_ladder(before, measured, orders, ours)
        for name, runs in theirs.items():
            bare_ns = bare_loop_ns()
            told = _started(python, name, flow, "time")
            runs.append(Run(told["operations"], told["seconds"], (bare_ns + bare_loop_ns()) / 2))
        advance()
    return _figures(ours.runs, theirs, missing, len(trades))


def _figures(
    ours: list[Run], theirs: dict[str, list[Run]], missing: dict[str, str], trades: int
) -> list[Figure]:
    left_out = "".join(f"; without {name}: {reason}" for name, reason in missing.items())
    peers = [
        rate(
            f"peers, {name}",
            runs,
            detail=f"the same trades as the ladder; {runs[0].operations} operations a run",
        )
        for name, runs in theirs.items()
    ]
    figures = [
        rate(
            "peers, ladder",
            ours,
            detail=f"{trades} trades; all books keep the ids that they hand out{left_out}",
        ),
        *peers,
    ]
    if peers:
        best = max(peers, key=lambda figure: figure.value).name.removeprefix("peers, ")
        figures.append(
            ratio(
                "ladder next to the best of them",
                ours,
                theirs[best],
                at_least=COMPILED_TARGET if is_compiled() else INTERPRETED_TARGET,
                detail=best,
            )
        )
    return figures


def _flow(operations: Sequence[Operation], before: int) -> tuple[list[Step], list[Step]]:
    """*operations* with each order under a number of its own, as one names it who has no ids."""
    numbers: dict[int, int] = {}
    steps: list[Step] = []
    for number, step in enumerate(operations):
        if step.kind == CANCEL:
            steps.append((CANCEL, numbers[step.handle], False, 0, 0))
        else:
            steps.append((step.kind, number, step.is_bid, step.price, step.quantity))
            if step.kind == ADD:
                numbers[step.handle] = number
    return steps[:before], steps[before:]


def _run_ladder(
    before: Sequence[Step], measured: Sequence[Step], orders: int, watch: Stopwatch
) -> None:
    ladder = Ladder()
    handles = [0] * orders
    _play(ladder, before, handles)
    with watch.work(len(measured)):
        _play(ladder, measured, handles)


def _play(ladder: Ladder, steps: Sequence[Step], handles: list[int]) -> None:
    for kind, number, is_bid, price, quantity in steps:
        if kind == ADD:
            handles[number] = ladder.add(is_bid, price, quantity)
        elif kind == CANCEL:
            ladder.cancel(handles[number])
        else:
            ladder.match(is_bid, price, quantity)


def _trades_of_ladder(
    before: Sequence[Step], measured: Sequence[Step], orders: int
) -> list[tuple[int, Trade]]:
    """Every trade, and how many of the measured steps were done with it."""
    ladder = Ladder()
    handles = [0] * orders
    standing: dict[int, int] = {}
    trades: list[tuple[int, Trade]] = []
    for done, step in enumerate([*before, *measured], start=1 - len(before)):
        kind, number, is_bid, price, quantity = step
        if kind != TAKE:
            _play(ladder, [step], handles)
            if kind == ADD:
                standing[handles[number]] = number
            continue
        if ladder.match(is_bid, price, quantity):
            raise AssertionError("a taker of the flow finds less than it wants: books differ then")
        for index in range(ladder.fill_count):
            maker = standing[ladder.fill_handle(index)]
            lots, level = ladder.fill_quantity(index), ladder.fill_price(index)
            trades.append((done, (number, maker, lots, level)))
    return trades


def _difference(
    python: Path, name: str, flow: Path, expected: Sequence[tuple[int, Trade]]
) -> str | None:
    """Why *name* cannot be compared: it does not run, or trades otherwise; None if it can."""
    try:
        told = _started(python, name, flow, "trades")
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().rpartition("\n")[2]
        return f"it does not run ({last})"
    ours = [trade for done, trade in expected if done <= told["operations"]]
    return disagreement(ours, [tuple(trade) for trade in told["trades"]])


def disagreement(ours: Sequence[object], theirs: Sequence[object]) -> str | None:
    """Where two books begin to trade differently; None if they never do."""
    if ours == theirs:
        return None
    pairs = enumerate(zip(ours, theirs, strict=False))
    shorter = min(len(ours), len(theirs))
    first = next((number for number, (one, other) in pairs if one != other), shorter)
    return f"it trades otherwise, from trade {first} of {len(ours)} on"


def _started(python: Path, name: str, flow: Path, asked: str) -> dict[str, Any]:
    command = [str(python), str(_PROGRAM), name, str(flow), str(SECONDS_MAX), asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _install(python: Path) -> dict[str, str]:
    """Make the environment unless it is there; who is missing from it, each with the reason."""
    stamp = _FOLDER / "installed.json"
    wanted = {"peers": PEERS, "python": sys.version}
    if stamp.exists() and json.loads(stamp.read_text(encoding="utf-8")) == wanted:
        return {}
    try:
        _call([sys.executable, "-m", "venv", "--clear", str(python.parents[1])])
    except (_CannotInstall, _TookTooLong) as error:
        return dict.fromkeys(PEERS, f"no environment can be made ({error})")
    try:
        missing = _installed(python)
    except _TookTooLong as error:
        return dict.fromkeys(PEERS, f"it cannot be installed ({error})")
    if not missing:
        stamp.write_text(json.dumps(wanted), encoding="utf-8")
    return missing


def _installed(python: Path) -> dict[str, str]:
    """Install all at once, or else those that can be; who is missing, each with the reason."""
    try:
        _pip(python, list(PEERS.values()))
        return {}
    except _CannotInstall:
        missing = {}
        for name, requirement in PEERS.items():
            try:
                _pip(python, [requirement])
            except _CannotInstall as error:
                missing[name] = f"it cannot be installed ({error})"
        return missing


class _CannotInstall(Exception):
    """The last line of what a command of the installation complained of."""


class _TookTooLong(Exception):
    """What would not be faster a second time."""


def _pip(python: Path, requirements: list[str]) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries=1"]
    _call([str(python), "-m", "pip", "install", *options, "--timeout=10", *requirements])


def _call(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=INSTALL_S_MAX
        )
    except subprocess.TimeoutExpired:
        raise _TookTooLong(f"{INSTALL_S_MAX:.0f} s were not enough") from None
    if done.returncode != 0:
        complaint = done.stderr.strip() or f"exit code {done.returncode}"
        raise _CannotInstall(complaint.rpartition("\n")[2])
