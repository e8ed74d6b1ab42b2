"""`pmengine replay`: plays recorded order flow of a real venue through the engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pmengine.cli.exits import Exit

if TYPE_CHECKING:
    from pmengine.replay import Pace, Reader, Report


def replay(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The recording, plain or xz.")],
    form: Annotated[str, typer.Option("--format", help="Its format: bitstamp.")],
    speed: Annotated[
        str, typer.Option(help="full, recorded, or how many times faster than recorded.")
    ] = "full",
    complement: Annotated[
        int | None,
        typer.Option(
            metavar="SEED",
            help="Turn a random half of the orders into their complement, and check that the "
            "fills stay the same.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of a table.")
    ] = False,
) -> None:
    """
    Play recorded order flow through the engine and compare it with what the venue did.

    Exit codes: 0 done, 1 the complement gave other fills, 2 unusable input.

    Examples:

        pmengine replay flow.log.xz --format bitstamp

        pmengine replay flow.log --format bitstamp --speed 60

        pmengine replay flow.log.xz --format bitstamp --complement 7 --json
    """
    from pmengine.replay import FORMATS, Pace, RecordingError, parse_speed

    reader = FORMATS.get(form)
    if reader is None:
        _end(f"--format: {form!r} is not known; choose one of: {', '.join(FORMATS)}")
    try:
        pace = Pace(parse_speed(speed))
    except ValueError as error:
        _end(f"--speed: {error}")
    try:
        report, plain_digest = _play(reader, path, pace, complement)
    except RecordingError as error:
        _end(str(error))

    from pmengine.cli.replay_report import print_json, print_tables

    printed = print_json if as_json else print_tables
    printed(report, plain_digest)
    if plain_digest is not None and plain_digest != report.fills_digest:
        raise typer.Exit(Exit.DIFFERENT)


def _play(
    reader: Reader, path: Path, pace: Pace, complement: int | None
) -> tuple[Report, str | None]:
    """The report, and with *complement* the digest of the fills of a plain replay."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from pmengine.replay import replay as play
    from pmengine.replay import survey

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("first pass", total=None)
        opening = survey(reader(path))

        def show(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        progress.update(task, description="replaying")
        report = play(
            reader, path, pace=pace, complement_seed=complement, opening=opening, progress=show
        )
        if complement is None:
            return report, None
        progress.update(task, description="plain, to compare")
        return report, play(reader, path, opening=opening, progress=show).fills_digest


def _end(message: str) -> NoReturn:
    typer.echo(f"pmengine: {message}", err=True)
    raise typer.Exit(Exit.USAGE)
