"""The command `pmengine`: one file a command, each importing what it needs when it runs."""

from __future__ import annotations

import typer

from pmengine.cli.demo import demo
from pmengine.cli.up import up

app = typer.Typer(
    help="A prediction-market exchange: one ladder per market, one log that is the truth.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(up)
app.command()(demo)


def main() -> None:
    """Run the command line."""
    app(prog_name="pmengine")
