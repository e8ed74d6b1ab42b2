"""`pmengine demo`: the exchange fed with the sample flow, its ladder and tape in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    exit: Annotated[bool, typer.Option("--exit", help="End after the sample.")] = False,
    rate: Annotated[int, typer.Option(min=1, max=100_000, help="Sample commands a second.")] = 600,
    env_file: Annotated[
        Path | None,
        typer.Option("--env", "--env-file", help="Read this .env file instead of ./.env."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Instead of API_PORT; 0 takes a free one."),
    ] = None,
) -> None:
    """
    Run the exchange in one process, feed it the sample of order flow, and watch it.

    A second run continues where the first stopped. Without --exit the API goes on after
    the sample until Ctrl-C. Exit codes as for `pmengine up`.

    Examples:

        pmengine demo

        pmengine demo --exit --rate 2000
    """
    from pmengine.cli.demo_run import run_demo
    from pmengine.cli.serving import run_or_explain

    run_or_explain(lambda settings: run_demo(settings, rate=rate, exit=exit), env_file, port)
