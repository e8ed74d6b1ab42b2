"""`pmstore stream info`: the first and the last entry that a stream holds."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import failures_as_exits
from pmstore.cli.output import Json, print_record
from pmstore.registry import open_stream

EXAMPLES = examples(
    "pmstore stream info file:data/streams store_stream",
)


def stream_info(
    url: Annotated[str, typer.Argument(help="Where streams are kept: file:data/streams.")],
    name: Annotated[str, typer.Argument(help="Name of the stream: store_stream.")],
    as_json: Json = False,
) -> None:
    """Show the bounds of a stream; an empty one has none."""
    with failures_as_exits():
        print_record(asyncio.run(_look(url, name)), as_json=as_json)


async def _look(url: str, name: str) -> dict[str, Any]:
    async with open_stream(url, name, read_only=True) as stream:
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
