"""`pmstore stream info`: the first and the last entry that a stream holds."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import failures_as_exits
from pmstore.cli.output import Json, print_record
from pmstore.cli.places import EnvFile, Place, find_place
from pmstore.registry import open_stream

EXAMPLES = examples(
    "pmstore stream info file:data/streams store_stream",
)


def stream_info(
    url: Annotated[
        str | None,
        typer.Argument(
            help="Where streams are kept: file:data/streams. Left out with --env-file.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(help="Name of the stream: store_stream.", show_default=False),
    ] = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Show the bounds of a stream; an empty one has none."""
    if env_file is not None and name is None:
        url, name = None, url
    if name is None:
        raise typer.BadParameter("give the name of a stream, such as store_stream")
    with failures_as_exits():
        place = find_place(url, env_file, "stream")
        print_record(asyncio.run(_look(place, name)), as_json=as_json)


async def _look(place: Place, name: str) -> dict[str, Any]:
    async with open_stream(place.stack, name, read_only=True, pins=place.pins) as stream:
        bounds = await stream.bounds()
    if bounds is None:
        return {"stream": name, "first": None, "last": None, "last_hash": None, "last_bytes": None}
    return {
        "stream": name,
        "first": str(bounds.first.id),
        "last": str(bounds.last.id),
        "last_hash": bounds.last.head.payload_hash,
        "last_bytes": len(bounds.last.payload),
    }
