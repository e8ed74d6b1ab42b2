"""`pmstore snapshot show`: what a generation holds."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits
from pmstore.cli.output import Json, print_record
from pmstore.cli.places import EnvFile, Place, find_place
from pmstore.cli.reading import opened_to_read
from pmstore.cli.snapshot_list import SnapshotUrl
from pmstore.models.snapshot import Snapshot
from pmstore.registry import open_snapshot_store

EXAMPLES = examples(
    "pmstore snapshot show file:data/store",
    "pmstore snapshot show URL NAME --json",
)


def snapshot_show(
    url: SnapshotUrl = None,
    name: Annotated[
        str | None, typer.Argument(help="A name from `snapshot list`; unset, the newest valid.")
    ] = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Show what a generation holds, in numbers."""
    if env_file is not None and name is None:
        url, name = None, url
    with failures_as_exits():
        snapshot = asyncio.run(_read(find_place(url, env_file, "snapshots"), name))
    if snapshot is None:
        typer.echo(f"pmstore: there is no snapshot{'' if name is None else ' ' + name}", err=True)
        raise typer.Exit(Exit.ABSENT)
    print_record(_summary(snapshot), as_json=as_json)


async def _read(place: Place, name: str | None) -> Snapshot | None:
    async with opened_to_read(place, "snapshots", open_snapshot_store) as store:
        found: Snapshot | None = await (store.load() if name is None else store.get(name))
        return found


def _summary(snapshot: Snapshot) -> dict[str, Any]:
    positions = snapshot.input_position or {}
    last = snapshot.last_message_id
    return {
        "timestamp": snapshot.timestamp,
        "last_message_id": None if last is None else str(last),
        "number": snapshot.number,
        "hash": snapshot.hash,
        "input_position": {stream: str(one) for stream, one in positions.items()},
        "orders": len(snapshot.orders),
        "events": len(snapshot.events),
        "markets": sum(len(event.markets) for event in snapshot.events.values()),
        "balances": len(snapshot.balances),
        "remembered": len(snapshot.memories),
        "groups": len(snapshot.groups),
        "sessions": len(snapshot.sessions),
        "left_over": len(snapshot.work),
        "paused": snapshot.paused,
        "post_only_until_ms": snapshot.post_only_until_ms,
        "skipped": list(snapshot.skipped),
    }
