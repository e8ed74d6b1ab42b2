"""`pmstore snapshot show`: what a generation holds."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits
from pmstore.cli.output import Json, print_record
from pmstore.cli.snapshot_list import SnapshotUrl
from pmstore.models.snapshot import Snapshot
from pmstore.registry import open_snapshot_store

EXAMPLES = examples(
    "pmstore snapshot show file:data/store",
    "pmstore snapshot show URL NAME --json",
)


def snapshot_show(
    url: SnapshotUrl,
    name: Annotated[
        str | None, typer.Argument(help="A name from `snapshot list`; unset, the newest valid.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a generation holds, in numbers."""
    with failures_as_exits():
        snapshot = asyncio.run(_read(url, name))
    if snapshot is None:
        typer.echo(f"pmstore: there is no snapshot{'' if name is None else ' ' + name}", err=True)
        raise typer.Exit(Exit.ABSENT)
    print_record(_summary(snapshot), as_json=as_json)


async def _read(url: str, name: str | None) -> Snapshot | None:
    async with open_snapshot_store(url) as store:
        return await (store.load() if name is None else store.get(name))


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
        "paused": snapshot.paused,
        "skipped": list(snapshot.skipped),
    }
