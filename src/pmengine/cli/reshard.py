"""`pmengine reshard`: divides a stopped deployment into another number of shards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pmengine.processes.resharding import Divided


def reshard(
    shards: Annotated[int, typer.Argument(help="How many there are to be.", min=1, max=1024)],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without it, only look whether it can be done.")
    ] = False,
    env_file: Annotated[
        Path | None,
        typer.Option("--env", "--env-file", help="Read this .env file instead of ./.env."),
    ] = None,
) -> None:
    """
    Let whole events move to another number of shards, while everything is stopped.

    ENGINE_SHARDS says how many there are now. What was is left as it is; the new shards begin in
    places of their own. Exit codes: 0 done, or it could be done, 1 something runs, is behind or
    is left over, 2 wrong settings, 4 streams, snapshots or stores cannot be read or written.

    Examples:

        ENGINE_SHARDS=1 pmengine reshard 2

        ENGINE_SHARDS=1 pmengine reshard 2 --yes
    """
    from pmengine.cli.exits import Exit
    from pmengine.cli.serving import run_or_explain
    from pmengine.services.dividing import CannotDivide

    found: list[Divided] = []

    async def run(settings: object) -> None:
        from pmengine.processes.resharding import reshard as divide_anew
        from pmengine.settings import Settings

        assert isinstance(settings, Settings)
        found.append(await divide_anew(settings, shards, really=yes, told=typer.echo))

    try:
        run_or_explain(run, env_file, process="reshard", failing="The shards cannot be divided")
    except CannotDivide as error:
        typer.echo(f"pmengine: {error}. The data is that of as many shards as before.", err=True)
        raise typer.Exit(Exit.DIFFERENT) from None
    _show(found[0], shards)


def _show(divided: Divided, shards: int) -> None:
    verb = "has" if divided.is_done else "would have"
    for shard in range(shards):
        typer.echo(
            f"shard {shard} {verb} {divided.events[shard]} events with {divided.orders[shard]} "
            "open orders"
        )
    if divided.is_done:
        typer.echo(f"Set ENGINE_SHARDS={shards} everywhere, and start the services.")
    else:
        typer.echo("Nothing was changed (--yes does it).")
