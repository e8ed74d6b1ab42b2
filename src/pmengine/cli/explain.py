"""`pmengine explain`: the life of one order, with the rule behind each step."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmengine.cli.exits import Exit

if TYPE_CHECKING:
    from pmengine.services.explaining import Life
    from pmengine.settings import Settings


def explain(
    order_id: Annotated[str, typer.Argument(help="The id of the order.")],
    env_file: Annotated[
        Path | None,
        typer.Option("--env", "--env-file", help="Read this .env file instead of ./.env."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of lines.")
    ] = False,
) -> None:
    """
    Tell the life of an order from the log, and from snapshots and stores where it was trimmed.

    Each step has its time, its place on the log, what was frozen and released, and the rule
    behind it. Exit codes: 0 told, 2 wrong settings, 4 a store does not answer, 5 nothing is
    known of the order.

    Examples:

        pmengine explain sample-17

        pmengine explain 0199b2c1-7d40-7000-8000-000000000001 --env exchange.env --json
    """
    from pmengine.cli.explain_report import print_json, print_lines, print_unknown
    from pmengine.cli.looking import looked_at

    with looked_at(env_file) as settings:
        life = asyncio.run(_explain(settings, order_id))
    if as_json:
        print_json(life)
    elif life.is_known:
        print_lines(life)
    else:
        print_unknown(life)
    if not life.is_known:
        raise typer.Exit(Exit.ABSENT)


async def _explain(settings: Settings, order_id: str) -> Life:
    from pmengine.processes.layout import shards_to_read
    from pmengine.services.explaining import explain as look
    from pmstore import open_stores_to_read

    lives: list[Life] = []
    for place in await shards_to_read(settings):
        async with open_stores_to_read(settings=place.storage) as stores:
            lives.append(await look(stores, order_id, id_memory_s=settings.id_memory_s))
    # The stores are shared: what only they know, every shard's life tells.
    return max(lives, key=lambda life: sum(step.number is not None for step in life.steps))
