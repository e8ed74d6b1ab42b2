"""`pmengine status`: who runs, who leads, and how far each service is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pmengine.processes.survey import Seen


def status(
    env_file: Annotated[
        Path | None,
        typer.Option("--env", "--env-file", help="Read this .env file instead of ./.env."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document for each shard.")
    ] = False,
) -> None:
    """
    Show a deployment from outside: services, positions, lag, lease holder, log and snapshots.

    It reads the streams and the snapshots and asks each process for its health. Exit codes: 0
    all is well, 1 a service does not do its work, 2 wrong settings, 4 the streams or the
    snapshots cannot be read.

    Examples:

        pmengine status

        pmengine status --env deploy/.env.distributed --json
    """
    from pmengine.cli.exits import Exit
    from pmengine.cli.serving import run_or_explain

    seen: list[Seen] = []

    async def look(settings: object) -> None:
        from pmengine.processes.foreign_store import require_right_log
        from pmengine.processes.survey import survey
        from pmengine.settings import Settings
        from pmstore.clock import system_clock

        assert isinstance(settings, Settings)
        require_right_log(settings, ["status"])
        seen.extend(await survey(settings, system_clock))

    run_or_explain(look, env_file, process="status", failing="The deployment cannot be seen")
    for one in seen:
        if as_json:
            import msgspec

            typer.echo(msgspec.json.encode(one).decode())
        else:
            if len(seen) > 1:
                typer.echo(f"{'' if one.shard == 0 else chr(10)}SHARD {one.shard}")
            _show(one)
    if any(one.problems for one in seen):
        raise typer.Exit(Exit.DIFFERENT)


def _show(seen: Seen) -> None:
    from rich.console import Console
    from rich.table import Table

    from pmengine.processes.survey import ONE_PROCESS

    console = Console()
    table = Table("service", "state", "role", "entry", "lag", "process", "says", box=None)
    for one in sorted(seen.services, key=lambda one: (one.service, one.state, one.instance)):
        process = f"{one.host}:{one.pid}" if one.pid else one.url
        table.add_row(
            one.service, one.state, one.role, str(one.number), str(one.lag), process, one.reason
        )
    console.print(table)
    if not any(one.service == ONE_PROCESS for one in seen.services):
        leader = f"engine {seen.leader}, epoch {seen.epoch}" if seen.leader else "nobody"
        console.print(f"leads: {leader}")
    log = seen.log
    console.print(f"log: entries {log.first}..{log.last} at {seen.streams}", soft_wrap=True)
    console.print(f"an answer is kept as the streams keep it: {seen.promise}", soft_wrap=True)
    for name, number in seen.projections.items():
        console.print(f"{name}: tells of the log through entry {number}")
    console.print(
        f"snapshots: {seen.snapshots} verified, the newest at entry {seen.snapshot_number}"
    )
    for kept in seen.kept_for:
        heard = f", away for {kept.heard_ms / 1000:.0f} s" if kept.is_away else ""
        console.print(
            f"{kept.stream} is kept for {kept.service}: at entry {kept.number}, {kept.lag} "
            f"behind{heard}"
        )
    for problem in seen.problems:
        console.print(f"PROBLEM: {problem}", soft_wrap=True)
