"""
All commands of `pmengine` under one roof.

A command's file imports what it runs inside its function, so that `--help` stays fast.
"""

from __future__ import annotations

import typer

from pmengine.cli import demo, replay, up

application = typer.Typer(
    name="pmengine",
    help="A prediction-market exchange: one ladder per market, one log that is the truth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
application.command("up")(up.up)
application.command("demo")(demo.demo)
application.command("replay")(replay.replay)
