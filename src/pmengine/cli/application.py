"""
All commands of `pmengine` under one roof.

A command's file imports what it runs inside its function, so that `--help` stays fast.
"""

from __future__ import annotations

from typing import Annotated

import typer

from pmengine.cli import demo, explain, forget, key, replay, reshard, run, status, up, verify

application = typer.Typer(
    name="pmengine",
    help="A prediction-market exchange: one ladder per market, one log that is the truth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
application.command("up")(up.up)
application.command("run")(run.run)
application.command("status")(status.status)
application.command("forget")(forget.forget)
application.command("reshard")(reshard.reshard)
application.command("demo")(demo.demo)
application.command("replay")(replay.replay)
application.command("verify")(verify.verify)
application.command("explain")(explain.explain)
application.add_typer(key.keys)


def _show_version(asked: bool) -> None:
    if asked:
        from pmengine.compiled import describe

        typer.echo(describe())
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the version, and whether the engine runs compiled.",
        ),
    ] = False,
) -> None: ...
