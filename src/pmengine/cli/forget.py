"""`pmengine forget`: takes a service out for which streams are kept and that is gone for good."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pmengine.processes.forgetting import Forgetting


def forget(
    name: Annotated[
        str, typer.Argument(help="A service, as `pmengine status` shows it.", metavar="NAME")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without it, only say what would be done.")
    ] = False,
    env_file: Annotated[
        Path | None,
        typer.Option("--env", "--env-file", help="Read this .env file instead of ./.env."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """
    Keep nothing any longer for a service that will never come back.

    It listens for some seconds, and refuses if an instance of the service says that it lives.
    Without --yes nothing is changed. A service that comes back after all is registered again
    by its first word; what was trimmed meanwhile it has missed. Exit codes: 0 done, or it could
    be done, 1 the service lives, 2 wrong settings, 4 the streams cannot be read or written, 5
    nothing is registered under that name.

    Examples:

        pmengine forget history

        pmengine forget history --yes

        pmengine forget processor --yes --env deploy/.env.distributed --json
    """
    from pmengine.cli.exits import Exit
    from pmengine.cli.serving import run_or_explain

    found: list[Forgetting] = []

    async def run(settings: object) -> None:
        from pmengine.processes.forgetting import forget_service
        from pmengine.settings import Settings
        from pmstore.clock import system_clock

        assert isinstance(settings, Settings)
        found.append(await forget_service(settings, name, clock=system_clock, really=yes))

    run_or_explain(run, env_file, process="forget", failing="Nobody can be forgotten")
    [one] = found
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(one).decode())
    else:
        _show(one)
    if one.alive:
        raise typer.Exit(Exit.DIFFERENT)
    if not one.registered:
        raise typer.Exit(Exit.ABSENT)


def _show(one: Forgetting) -> None:
    for kept in one.kept_for:
        typer.echo(
            f"{kept.stream} is kept for {kept.service} behind {kept.needs_after}: it is at entry "
            f"{kept.number}, {kept.lag} behind, last heard {kept.heard_ms / 1000:.1f} s ago"
        )
    if one.alive:
        typer.echo(
            f"pmengine: {one.service} lives: {', '.join(one.alive)}; stop it first", err=True
        )
    elif not one.registered:
        known = ", ".join(one.known) or "none"
        typer.echo(
            f"pmengine: nothing is registered as {one.service}; there are: {known}", err=True
        )
    elif one.forgotten:
        typer.echo(f"{one.service} is forgotten: nothing is kept for it any longer")
    else:
        typer.echo(f"{one.service} would be forgotten; nothing was changed (--yes does it)")
