"""`pmstore verify`: does a live stack keep its contracts?"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits, say
from pmstore.cli.output import Json, print_rows
from pmstore.cli.places import EnvFile, Place, UrlArgument, find_place
from pmstore.cli.progress import progress_bar
from pmstore.cli.scratch_places import ScratchPlaces
from pmstore.errors import SettingsError
from pmstore.plugin import nearest

EXAMPLES = examples(
    "pmstore verify redis://localhost/0",
    "pmstore verify 'memory:// > sqlite:///orders.db' --contract orders",
    "pmstore verify postgresql://u:p@db/exchange --json",
)


@attrs.define(kw_only=True)
class _Verdict:
    """What the clauses of one contract said."""

    contract: str
    kept: list[str] = attrs.Factory(list)
    broken: list[dict[str, str]] = attrs.Factory(list)
    not_declared: list[dict[str, str]] = attrs.Factory(list)
    seconds: float = 0.0


def verify(
    url: UrlArgument = None,
    contract: Annotated[
        list[str] | None,
        typer.Option(
            "--contract", "-c", help="Only this one, such as orders; may be given several times."
        ),
    ] = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """
    Run the conformance kit against a live stack, in scratch namespaces that are wiped.

    Nothing of the user's data is read or written. Exit code 1 if a law is
    broken, or a backend does not wipe what it was told to.
    """
    with failures_as_exits(), _terminated_as_interrupted():
        place = find_place(url, env_file, contract[0] if contract else "orders")
        verdicts = _verify(place, contract)
    if as_json:
        print_rows([attrs.asdict(one) for one in verdicts], as_json=True, empty="")
    else:
        print_rows([_row(one) for one in verdicts], as_json=False, empty="nothing is kept there")
        for one in verdicts:
            for broken in one.broken:
                print(f"\n{one.contract}: {broken['name']}\n  law: {broken['law']}")
                print(f"  seen: {broken['seen']}")
    if any(one.broken for one in verdicts):
        raise typer.Exit(Exit.DAMAGED)


def _row(verdict: _Verdict) -> dict[str, Any]:
    return {
        "contract": verdict.contract,
        "kept": len(verdict.kept),
        "broken": len(verdict.broken),
        "not_declared": len(verdict.not_declared),
        "seconds": round(verdict.seconds, 1),
    }


def _verify(place: Place, wanted: Sequence[str] | None) -> list[_Verdict]:
    try:
        from pmstore.cli import live_rigs
    except ModuleNotFoundError as error:
        if error.name not in ("hypothesis", "pytest"):
            raise
        problem = "pmstore verify needs an extra: pip install 'pmstore[testing]'"
        raise SettingsError([problem]) from error
    offered = live_rigs.kept_contracts(place.stack, place.pins)
    for name in wanted or ():
        if name not in offered:
            raise SettingsError(
                [
                    f"{place}: {name} is not kept there, but {', '.join(offered)}."
                    f"{nearest(name, offered)}"
                ]
            )
    verdicts: list[_Verdict] = []
    for name in offered:
        if wanted and name not in wanted:
            continue
        places = ScratchPlaces(place.stack, place.pins, "verify")
        rig = live_rigs.live_rig(name, place.stack, place.pins, places)
        clauses, _ = live_rigs.CLAUSES[name]
        try:
            asyncio.run(_opens(rig))
            verdicts.append(_checked(name, clauses, rig, places))
        finally:
            asyncio.run(places.wipe())
        verdicts[-1].broken += _left_behind(places)
    return verdicts


def _left_behind(places: ScratchPlaces) -> list[dict[str, str]]:
    """A broken law for each backend that counts something after it was told to wipe."""
    return [
        {
            "name": "wiping-leaves-nothing",
            "law": "After `wipe` of its `Upkeep` a place is as if it was never used.",
            "seen": f"{name}: `contents` after `wipe` are {dict(held)}",
        }
        for name, held in places.left.items()
    ]


async def _opens(rig: Any) -> None:
    """Open it once: a server that is away is told as such, not as hundred broken laws."""
    async with rig.open(Path("opens")):
        return


def _checked(name: str, clauses: Any, rig: Any, places: ScratchPlaces) -> _Verdict:
    from pmstore.testing import ClauseBroken, DeclaredAbsent

    verdict = _Verdict(contract=name)
    began = time.monotonic()
    with _own_folder() as folder, progress_bar(name, len(clauses)) as advance:
        for number, clause in enumerate(clauses):
            try:
                clause.check(rig, folder / f"{number}")
            except DeclaredAbsent:
                verdict.not_declared.append({"name": clause.name, "needs": clause.need or ""})
            except ClauseBroken as error:
                seen = str(error).partition("seen: ")[2]
                verdict.broken.append({"name": clause.name, "law": clause.law, "seen": seen})
                say(f"{name}: {clause.name} is broken")
            else:
                verdict.kept.append(clause.name)
            asyncio.run(places.wipe())
            advance(1)
    verdict.seconds = time.monotonic() - began
    return verdict


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder for what the kit writes down beside the stores, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pmstore-verify-") as folder:
        # Hypothesis would keep its notes in the folder in which the command was typed.
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ["HYPOTHESIS_STORAGE_DIRECTORY"]


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let an order to end be what Ctrl-C is, so that scratch namespaces are wiped."""

    def interrupt(number: int, frame: object) -> None:
        # Not raised here, which would hit whatever runs just now: an event loop knows how to
        # end its tasks on an interrupt.
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
