"""An exchange with its API, from its settings to the signal that ends it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import attrs
import typer
import uvicorn

from pmengine.assembly import Exchange, new_id, open_exchange
from pmengine.gateways.http import GatewayParts, create_app
from pmengine.services.recovery import CannotStart
from pmengine.settings import Settings, load_settings
from pmstore import PmstoreError, SettingsError
from pmstore.clock import system_clock

EXIT_CANNOT_START = 1
EXIT_WRONG_SETTINGS = 2


@attrs.frozen
class Served:
    """A running exchange, where its API listens, and the event that a signal sets."""

    exchange: Exchange
    url: str
    stopping: asyncio.Event


class _Server(uvicorn.Server):
    """Leaves the signals to us: the API must end before the engine does."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Served]:
    """
    The exchange and its API, until left.

    SIGINT and SIGTERM set `stopping`; so does a service that fails.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with open_exchange(settings) as exchange:
        exchange.failed.add_done_callback(lambda _: stopping.set())
        parts = GatewayParts(
            front=exchange.front,
            history=exchange.history,
            depth=exchange.depth,
            clock=system_clock,
            new_id=new_id,
            readiness=exchange.readiness,
            order_timeout_s=settings.order_timeout_s,
        )
        config = uvicorn.Config(
            create_app(parts),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
            ws="websockets-sansio",
            timeout_graceful_shutdown=int(settings.shutdown_timeout_s),
            lifespan="off",
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve())
        try:
            while not server.started:
                if serving.done():
                    serving.result()
                    raise OSError(f"the API cannot listen on {settings.host}:{settings.port}")
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield Served(exchange, f"http://{settings.host}:{port}", stopping)
        finally:
            exchange.ready = False
            server.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)


def run_or_explain(
    main: Callable[[Settings], Coroutine[None, None, None]], env_file: Path | None, port: int | None
) -> None:
    """Run *main* with the settings; a failure is said in a few lines and an exit code."""
    try:
        settings = load_settings(env_file)
        if port is not None:
            settings = attrs.evolve(settings, port=port)
        asyncio.run(main(settings))
    except SettingsError as error:
        typer.echo("The settings cannot be used:", err=True)
        for problem in error.problems:
            typer.echo(f"  {problem}", err=True)
        raise typer.Exit(EXIT_WRONG_SETTINGS) from None
    except (PmstoreError, CannotStart, OSError) as error:
        typer.echo(f"The exchange cannot run: {error}", err=True)
        raise typer.Exit(EXIT_CANNOT_START) from None
    except SystemExit:
        typer.echo(
            f"The API cannot listen on {settings.host}:{settings.port}: is another exchange "
            "running? Choose a port with --port, or --port 0 for a free one.",
            err=True,
        )
        sys.exit(EXIT_CANNOT_START)
