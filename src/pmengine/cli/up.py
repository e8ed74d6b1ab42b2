"""`pmengine up`: every service in one process, until a signal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pmengine.settings import Settings


def up(
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
    Run the whole exchange in one process: without settings on embedded stores under DATA_DIR.

    On streams and stores that several processes share it is `pmengine run` with every service;
    others may run beside it.

    It takes orders when `/ready` answers 200, and ends on Ctrl-C or SIGTERM with everything
    acknowledged kept. Exit codes: 0 ended by a signal, 2 wrong settings, 4 cannot run.

    Examples:

        pmengine up

        DATA_DIR=/var/lib/pm pmengine up --port 9000
    """
    from pmengine.cli.serving import run_or_explain

    run_or_explain(_up, env_file, port)


async def _up(settings: object) -> None:
    import attrs

    from pmengine.cli.serving import serve
    from pmengine.processes.foreign_store import require_right_log
    from pmengine.processes.sharing import is_shared, require_one_shard
    from pmengine.settings import Settings
    from pmstore import open_stores

    assert isinstance(settings, Settings)
    require_one_shard(settings)
    require_right_log(settings, ["up"])
    if settings.storage.optional_servers:
        # Who is not there is left out now; later nobody could tell an outage from absence.
        async with open_stores(settings=settings.storage) as stores:
            settings = attrs.evolve(settings, storage=stores.settings)
    if is_shared(settings.storage):
        await _up_shared(settings)
        return
    async with serve(settings) as served:
        _say(served.url)
        await served.stopping.wait()
        if served.exchange.failed.done():
            served.exchange.failed.result()


async def _up_shared(settings: Settings) -> None:
    import asyncio
    from functools import partial

    from pmengine.cli.serving import stop_on_signals
    from pmengine.processes.api import api
    from pmengine.processes.catalogue import SERVICES
    from pmengine.processes.running import run_services

    stopping = asyncio.Event()
    stop_on_signals(stopping)
    # The API has the feeds too.
    left_out = {"api", "websocket-depth", "websocket-user"}
    asked_for = {"settlement": settings.settlement, "asset": settings.asset}
    left_out |= {name for name, is_asked_for in asked_for.items() if not is_asked_for}
    makers = [maker for name, maker in SERVICES.items() if name not in left_out]
    makers.append(partial(api, listening=_say, with_users=True))
    await run_services(settings, makers, stopping)


def _say(url: str) -> None:
    typer.echo(f"The exchange takes orders at {url}/api/v1 (Ctrl-C ends it).")
