"""`pmstore snapshot list`: the generations of a snapshot store."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import failures_as_exits
from pmstore.cli.output import Json, print_rows
from pmstore.cli.places import EnvFile, Place, find_place
from pmstore.cli.reading import opened_to_read
from pmstore.models.snapshot import SnapshotInfo
from pmstore.registry import open_snapshot_store

EXAMPLES = examples(
    "pmstore snapshot list file:data/store",
    "pmstore snapshot list --env-file .env --json",
)

SnapshotUrl = Annotated[
    str | None,
    typer.Argument(
        help="Where snapshots are kept: file:data/store. Left out with --env-file.",
        show_default=False,
    ),
]


def snapshot_list(url: SnapshotUrl = None, env_file: EnvFile = None, as_json: Json = False) -> None:
    """List the generations, oldest first, the broken ones with their problem."""
    with failures_as_exits():
        place = find_place(url, env_file, "snapshots")
        rows = [as_row(one) for one in asyncio.run(generations(place))]
    print_rows(rows, as_json=as_json, empty="There is no snapshot.")


async def generations(place: Place) -> list[SnapshotInfo]:
    """Every generation of the store at *place*, oldest first."""
    async with opened_to_read(place, "snapshots", open_snapshot_store) as store:
        found: list[SnapshotInfo] = await store.list()
        return found


def as_row(one: SnapshotInfo) -> dict[str, Any]:
    """What is printed of a generation."""
    return {
        "name": one.name,
        "timestamp": one.timestamp,
        "number": one.number,
        "hash": one.hash,
        "last_message_id": None if one.last_message_id is None else str(one.last_message_id),
        "size_bytes": one.size_bytes,
        "problem": one.problem,
    }
