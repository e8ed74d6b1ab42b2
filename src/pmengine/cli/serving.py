"""An exchange with its API, from its settings to the signal that ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import typer
import uvloop

from pmengine.assembly import open_exchange
from pmengine.cli.exits import Exit
from pmengine.cli.logs import configure_logs
from pmengine.exchange import Exchange
from pmengine.gateways.http import Venue, create_app, serving
from pmengine.gateways.page import WebPage, own_files
from pmengine.ids import new_id
from pmengine.processes.entrance import open_entrance
from pmengine.processes.sharing import is_shared, require_one_shard
from pmengine.processes.status_page import StatusPage, look_beside
from pmengine.services.log import LogGap, LogRewritten
from pmengine.services.publishing import EngineStopped
from pmengine.services.recovery import CannotStart
from pmengine.settings import Settings, load_settings
from pmstore import PmstoreError, SettingsError
from pmstore.clock import system_clock


@attrs.frozen
class Served:
    """A running exchange, where its API listens, and the event that a signal sets."""

    exchange: Exchange
    url: str
    stopping: asyncio.Event


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Served]:
    """
    The exchange and its API, until left.

    SIGINT and SIGTERM set `stopping`; so does a service that fails.

    Raises:
        SettingsError: Several processes may write to the streams: its inputs, which live in
            memory, would part from theirs. Or it is to be spread over several shards.
    """
    require_one_shard(settings)
    if is_shared(settings.storage):
        raise SettingsError(
            [
                f"the streams are at {settings.storage.streams}, which processes share; this "
                "runs on streams of its own (DATA_DIR). For a deployment: pmengine up"
            ]
        )
    stopping = asyncio.Event()
    stop_on_signals(stopping)
    async with open_entrance(settings) as entrance, open_exchange(settings) as exchange:
        exchange.failed.add_done_callback(lambda _: stopping.set())
        page = StatusPage(settings, system_clock, look_beside(exchange.log))
        venue = Venue(
            front=exchange.front,
            history=exchange.history,
            depth=exchange.depth,
            events=exchange.events,
            users=[exchange.users],
            clock=system_clock,
            new_id=new_id,
            readiness=exchange.readiness,
            numbers=exchange.engine.numbers,
            heads=exchange.heads,
            answer_timeout_s=settings.order_timeout_s,
            recovered_number=exchange.recovered.place.number,
            # What clients of one gateway were told of, those of the other must see.
            elsewhere_number=lambda: exchange.front.number if settings.asset else 0,
            door=entrance.door,
            limits=entrance.limits,
            certificate=entrance.certificate,
            status_page=page.answer,
            web_page=WebPage(files=own_files(), auth=settings.auth.split(","), user_feed="/user"),
        )
        async with (
            serving(
                create_app(venue), settings.host, settings.port, certificate=entrance.certificate
            ) as url,
            _asset(settings, venue),
        ):
            page.listens_at(url)
            try:
                yield Served(exchange, url, stopping)
            finally:
                exchange.ready = False


@asynccontextmanager
async def _asset(settings: Settings, venue: Venue) -> AsyncIterator[None]:
    """The asset service, if it is asked for."""
    if not settings.asset:
        yield
        return
    from pmengine.gateways.grpc import AssetService, serving_asset

    async with serving_asset(
        AssetService(venue),
        settings.asset_host,
        settings.asset_port,
        certificate=venue.certificate,
    ):
        yield


def stop_on_signals(stopping: asyncio.Event) -> None:
    """Let SIGINT and SIGTERM set *stopping*."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)


def run_or_explain(
    main: Callable[[Settings], Coroutine[None, None, None]],
    env_file: Path | None,
    port: int | None = None,
    *,
    service_port: int | None = None,
    process: str = "",
    failing: str = "The exchange cannot run",
) -> None:
    """
    Run *main* with the settings; a failure is said in a few lines and an exit code.

    Args:
        port: Instead of API_PORT.
        service_port: Instead of SERVICE_PORT.
        process: Names this process in its log lines and its log file.
        failing: What a failure means to who gave the command.
    """
    try:
        settings = load_settings(env_file)
        if port is not None:
            settings = attrs.evolve(settings, port=port)
        if service_port is not None:
            settings = attrs.evolve(settings, service_port=service_port)
        configure_logs(settings.storage, process)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main(settings))
    except SettingsError as error:
        typer.echo("The settings cannot be used:", err=True)
        for problem in error.problems:
            typer.echo(f"  {problem}", err=True)
        raise typer.Exit(Exit.USAGE) from None
    except (
        PmstoreError,
        CannotStart,
        EngineStopped,
        LogGap,
        LogRewritten,
        OSError,
    ) as error:
        typer.echo(f"{failing}: {error}", err=True)
        raise typer.Exit(Exit.STOPPED) from None
