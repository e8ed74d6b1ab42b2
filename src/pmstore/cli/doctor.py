"""`pmstore doctor`: what works and what does not, before anything starts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final

import attrs
import typer
from rich.console import Console

from pmstore.cli.checkup import examine_deployment, examine_urls
from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits
from pmstore.cli.output import Json, print_record
from pmstore.cli.places import EnvFile
from pmstore.clock import system_clock
from pmstore.plugin import Finding, Level

EXAMPLES = examples(
    "pmstore doctor",
    "pmstore doctor --env-file deploy/.env.distributed",
    "pmstore doctor redis://localhost/0 postgresql://u:p@db/exchange --json",
)

_SIGNS: Final = {Level.FINE: ("ok", "green"), Level.WARNING: ("!!", "yellow")}
_ORDER: Final = (Level.ERROR, Level.WARNING, Level.FINE)


def doctor(
    urls: Annotated[
        list[str] | None,
        typer.Argument(
            help="Stores or stacks; without any, what .env and the environment configure.",
            show_default=False,
        ),
    ] = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """
    Examine settings, plugins, servers, disks and clocks, and say the next step of each trouble.

    Exit code 1 if there is an error; warnings alone are fine.
    """
    if urls and env_file is not None:
        raise typer.BadParameter("give either URLs or --env-file")
    with failures_as_exits():
        findings = asyncio.run(
            examine_urls(urls, clock=system_clock)
            if urls
            else examine_deployment(env_file, clock=system_clock)
        )
    report(findings, as_json)


def report(findings: Sequence[Finding], as_json: bool) -> None:
    """Print the worst first; ends with exit code 1 if one is an error."""
    ordered = sorted(findings, key=lambda one: _ORDER.index(one.level))
    counts = {level.value: sum(one.level is level for one in findings) for level in _ORDER}
    if as_json:
        rows = [attrs.asdict(one) | {"level": one.level.value} for one in ordered]
        record: dict[str, Any] = {**counts, "findings": rows}
        print_record(record, as_json=True)
    else:
        console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        for one in ordered:
            sign, style = _SIGNS.get(one.level, ("XX", "bold red"))
            console.print(sign, end="  ", style=style)
            console.print(f"{one.where}: {one.what}")
            if one.remedy:
                console.print(f"    -> {one.remedy}", style="dim")
        console.print(f"{counts['error']} errors, {counts['warning']} warnings")
    if counts[Level.ERROR.value]:
        raise typer.Exit(Exit.DAMAGED)
