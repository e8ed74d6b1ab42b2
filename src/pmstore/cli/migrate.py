"""`pmstore migrate`: brings a database to the schema that this pmstore works with."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits
from pmstore.cli.output import Json, print_rows
from pmstore.errors import SettingsError
from pmstore.protocols import Revisions
from pmstore.registry import find_backend
from pmstore.url import parse_stack

EXAMPLES = examples(
    "pmstore migrate sqlite:///orders.db",
    "pmstore migrate postgresql://user:password@db/exchange --check",
)


def migrate(
    url: Annotated[str, typer.Argument(help="The database; of a stack, each that is one.")],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 if it is to be migrated.")
    ] = False,
    as_json: Json = False,
) -> None:
    """
    Bring the schema of a database to the newest revision.

    A schema that is newer than this pmstore is refused (exit code 3).
    """
    with failures_as_exits():
        found = asyncio.run(_migrate(url, check))
    rows = [
        {
            "place": place,
            "found": revisions.found,
            "newest": revisions.newest,
            "migrated": not check and not revisions.is_current,
        }
        for place, revisions in found
    ]
    print_rows(rows, as_json=as_json, empty="nothing to migrate")
    if check and not all(revisions.is_current for _, revisions in found):
        raise typer.Exit(Exit.DAMAGED)


async def _migrate(url: str, check: bool) -> list[tuple[str, Revisions]]:
    stack = parse_stack(url)
    chosen: list[tuple[str, Any, Any]] = []
    for place in (*stack.layers, *stack.sinks):
        backend, config = find_backend(place)
        if backend.schema is not None:
            chosen.append((str(place), backend.schema, config))
    if not chosen:
        raise SettingsError([f"{stack}: it has no schema, so there is nothing to migrate"])
    return [
        (place, await (schema.look(config) if check else schema.migrate(config)))
        for place, schema, config in chosen
    ]
