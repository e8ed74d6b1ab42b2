"""`pmengine up`: every service in one process, until a signal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def up(
    env_file: Annotated[
        Path | None, typer.Option("--env", help="Read this .env file instead of ./.env.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Instead of API_PORT; 0 takes a free one.")
    ] = None,
) -> None:
    """
    Run the whole exchange in one process on embedded stores under DATA_DIR.

    It takes orders when `/ready` answers 200, and ends on Ctrl-C or SIGTERM with everything
    acknowledged kept. Exit codes: 0 ended by a signal, 2 wrong settings, 4 cannot run.

    Examples:

        pmengine up

        DATA_DIR=/var/lib/pm pmengine up --port 9000
    """
    from pmengine.cli.serving import run_or_explain

    run_or_explain(_up, env_file, port)


async def _up(settings: object) -> None:
    from pmengine.cli.serving import serve
    from pmengine.settings import Settings

    assert isinstance(settings, Settings)
    async with serve(settings) as served:
        typer.echo(f"The exchange takes orders at {served.url}/api/v1 (Ctrl-C ends it).")
        await served.stopping.wait()
        if served.exchange.failed.done():
            served.exchange.failed.result()
