"""`pmengine verify`: does what a deployment wrote keep every law?"""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmengine.cli.exits import Exit

if TYPE_CHECKING:
    from pmengine.cli.verify_report import Reporter
    from pmengine.services.verifying import Verifier
    from pmengine.settings import Settings

BREACHES_MAX = 20
COMPLETE_EVERY = 1_000


def verify(
    env_file: Annotated[
        Path | None,
        typer.Option("--env", "--env-file", help="Read this .env file instead of ./.env."),
    ] = None,
    begin_at: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="WHERE",
            help="first (the log's first entry), oldest or newest (snapshot), or a snapshot's "
            "number; unset, as far back as possible.",
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")
    ] = False,
    every: Annotated[
        int, typer.Option(min=1, help="Check the whole state after so many entries.")
    ] = COMPLETE_EVERY,
    stores: Annotated[
        bool, typer.Option(help="Compare snapshots, stores and projections with the log.")
    ] = True,
    breaches_max: Annotated[
        int, typer.Option("--breaches", min=1, help="End after so many different breaches.")
    ] = BREACHES_MAX,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; with --follow a document a line.")
    ] = False,
    shard: Annotated[
        int | None,
        typer.Option(min=0, help="Only this one of ENGINE_SHARDS; unset, one after the other."),
    ] = None,
) -> None:
    """
    Check every law of the exchange on what a deployment wrote, running or stopped.

    Nothing is written anywhere. Exit codes: 0 no law is broken, 1 one is, 2 wrong settings or
    options, 4 a store does not answer, 5 there is nothing to begin with.

    Examples:

        pmengine verify

        pmengine verify --follow --breaches 1

        pmengine verify --env exchange.env --from newest --json
    """
    from pmengine.cli.looking import looked_at
    from pmengine.cli.verify_report import Reporter

    with looked_at(env_file) as settings:
        if shard is None and follow and settings.shards > 1:
            raise typer.BadParameter("--follow takes one shard: add --shard")
        if shard is not None and shard >= settings.shards:
            raise typer.BadParameter(f"there are shards 0 to {settings.shards - 1}")
        is_broken = False
        for number in range(settings.shards) if shard is None else (shard,):
            if settings.shards > 1 and not as_json:
                typer.echo(f"Shard {number}:")
            reporter = Reporter(as_json=as_json, follow=follow)
            is_broken |= asyncio.run(
                _verify(settings, number, reporter, begin_at, follow, every, stores, breaches_max)
            )
    if is_broken:
        raise typer.Exit(Exit.DIFFERENT)


async def _verify(
    settings: Settings,
    shard: int,
    reporter: Reporter,
    begin_at: str | None,
    follow: bool,
    every: int,
    compare: bool,
    breaches_max: int,
) -> bool:
    """Verify and report; whether a law is broken."""
    from pmengine.processes.layout import shards_to_read
    from pmengine.services.verifying import open_verifier
    from pmstore import open_stores_to_read

    # The state is millions of objects without cycles: do not walk it again and again.
    gc.set_threshold(50_000, 20, 1_000_000)
    wanted = {} if compare else {"contracts": ("snapshots",)}
    place = (await shards_to_read(settings))[shard]
    async with open_stores_to_read(settings=place.storage, **wanted) as opened:
        with reporter.progress() as progress:
            verifier, through = await open_verifier(
                opened,
                id_memory_s=settings.id_memory_s,
                at=begin_at,
                compare=compare,
                ownership=place.ownership,
                ledger=settings.ledger,
                fee_account=settings.fee_account,
                complete_every=every,
                breaches_max=breaches_max,
                heard=reporter.heard,
                advanced=progress.advance,
            )
            if follow:
                await _until_told(verifier, reporter)
            else:
                progress.expect(through - verifier.place.number)
                await verifier.run(through=through)
        reporter.summary(verifier.report)
        return bool(verifier.report.breaches)


async def _until_told(verifier: Verifier, reporter: Reporter) -> None:
    """Follow until Ctrl-C or SIGTERM, or until it ends by what it found."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, verifier.stop)
    reporter.begins(verifier.report)
    try:
        await verifier.run()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
