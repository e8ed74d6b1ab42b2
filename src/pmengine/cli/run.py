"""`pmengine run`: some services as a process, until a signal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def run(
    names: Annotated[
        list[str],
        typer.Argument(
            help="engine, relay, processor, settlement, store, history, depth, api, "
            "websocket-depth, websocket-user, asset, event: one or several.",
            metavar="NAME...",
        ),
    ],
    env_file: Annotated[
        Path | None,
        typer.Option("--env", "--env-file", help="Read this .env file instead of ./.env."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Instead of SERVICE_PORT; 0 takes a free one."),
    ] = None,
) -> None:
    """
    Run services as a process of their own, on streams that several processes share.

    A second engine, history, store or event stands by and takes over. A process waits for servers
    that do not answer, and ends on Ctrl-C or SIGTERM with everything acknowledged kept. Exit
    codes: 0 ended by a signal, 2 wrong settings or no such service, 4 cannot go on.

    Examples:

        pmengine run engine

        pmengine run relay store history --env deploy/.env.distributed

        API_PORT=8081 pmengine run api
    """
    from functools import partial

    from pmengine.cli.serving import run_or_explain
    from pmengine.processes.catalogue import SERVICES

    unknown = [name for name in names if name not in SERVICES]
    if unknown or len(set(names)) < len(names):
        what = f"there is no service {unknown[0]!r}" if unknown else "a service is named twice"
        raise typer.BadParameter(f"{what}; there are {', '.join(SERVICES)}")
    run_or_explain(partial(_run, names), env_file, service_port=port, process=" ".join(names))


async def _run(names: list[str], settings: object) -> None:
    import asyncio

    from pmengine.cli.serving import stop_on_signals
    from pmengine.processes.catalogue import SERVICES
    from pmengine.processes.running import run_services
    from pmengine.settings import Settings

    assert isinstance(settings, Settings)
    stopping = asyncio.Event()
    stop_on_signals(stopping)
    shown = ", ".join(names)
    await run_services(
        settings,
        [SERVICES[name] for name in names],
        stopping,
        listening=lambda url: typer.echo(f"{shown}: health at {url}/ready (Ctrl-C ends it)."),
    )
