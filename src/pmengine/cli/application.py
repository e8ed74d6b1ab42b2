"""
All commands of `pmengine` under one roof.

A command's file imports what it runs inside its function, so that `--help` stays fast.
"""

from __future__ import annotations

import typer

from pmengine.cli import replay

application = typer.Typer(
    name="pmengine",
    help="A prediction-market exchange.",
    epilog="Exit codes: 0 fine, 1 something that should agree does not, 2 wrong command line "
    "or input.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@application.callback()
def _commands() -> None:
    """Keep commands named even while there is only one."""


application.command("replay", epilog=replay.EXAMPLES)(replay.replay)
