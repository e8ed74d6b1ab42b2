"""`pmstore wipe`: delete everything at a place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits, say
from pmstore.cli.output import Json, print_record
from pmstore.errors import SettingsError
from pmstore.protocols import Upkeep
from pmstore.registry import find_backend
from pmstore.url import parse_stack

EXAMPLES = examples(
    "pmstore wipe sqlite:///orders.db",
    "pmstore wipe sqlite:///orders.db --yes",
)


def wipe(
    url: Annotated[str, typer.Argument(help="The place; of a stack, all its layers.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only count.")] = False,
    as_json: Json = False,
) -> None:
    """
    Delete everything that a URL names, for good.

    Without --yes it shows what would be deleted, and exits with code 2.
    """
    with failures_as_exits():
        record = asyncio.run(_wipe(url, yes))
    print_record({**record, "wiped": yes}, as_json=as_json)
    if not yes:
        say("nothing was deleted; repeat it with --yes to delete this")
        raise typer.Exit(Exit.USAGE)


async def _wipe(url: str, yes: bool) -> dict[str, Any]:
    stack = parse_stack(url)
    # Caches go last: a reader in between finds them, or nothing, and no cache outlives it.
    places = [stack.truth, *stack.sinks, *stack.layers[:-1]]
    found: dict[str, Mapping[str, int]] = {}
    chosen: list[tuple[Upkeep, Any]] = []
    for place in places:
        backend, config = find_backend(place)
        if backend.upkeep is None:
            raise SettingsError([f"{place}: {backend.name} cannot be wiped by this command"])
        found[str(place)] = await backend.upkeep.contents(config)
        chosen.append((backend.upkeep, config))
    if yes:
        for upkeep, config in chosen:
            await upkeep.wipe(config)
    return dict(found)
