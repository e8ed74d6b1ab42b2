"""`pmstore outbox`: who has notes of changes kept, and the end of a reader that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from pmstore.cli import filters
from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits, say
from pmstore.cli.output import Json, print_rows
from pmstore.cli.places import EnvFile, Place, UrlArgument, find_place
from pmstore.cli.reading import refuse_older_or_absent
from pmstore.cli.records import Contract
from pmstore.errors import SettingsError
from pmstore.registry import find_backend

EXAMPLES = examples(
    "pmstore outbox sqlite:///orders.db",
    "pmstore outbox sqlite:///orders.db --forget caches",
)


def outbox(
    url: UrlArgument = None,
    contract: filters.ContractOption = Contract.ORDERS,
    forget: Annotated[
        str | None,
        typer.Option("--forget", help="Keep no notes for this reader, and delete what it has."),
    ] = None,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """
    Show for whom a truth keeps notes of what changed, and how many wait.

    Caches and sinks that were taken out of a deployment stay readers, and their notes grow:
    --forget ends that. Do it when no process has them any more.
    """
    with failures_as_exits():
        place = find_place(url, env_file, contract.value)
        rows, forgot = asyncio.run(_outbox(place, contract.value, forget))
    print_rows(rows, as_json=as_json, empty="no notes are kept")
    if forget is not None and not forgot:
        say(f"{forget}: no notes are kept for it")
        raise typer.Exit(Exit.ABSENT)


async def _outbox(
    place: Place, contract: str, forget: str | None
) -> tuple[list[dict[str, Any]], bool]:
    # The truth alone: a stack would become a reader itself.
    truth = place.stack.truth
    backend, config = find_backend(truth, pins=place.pins)
    factories: Mapping[str, Any] = backend.contracts
    if contract not in factories:
        raise SettingsError([f"{truth}: {backend.name} keeps no {contract}"])
    await refuse_older_or_absent(place)
    async with factories[contract](config) as store:
        kept = getattr(store, "outbox", None)
        if kept is None:
            raise SettingsError([f"{truth}: {backend.name} keeps no notes of {contract}"])
        forgot = forget is not None and await kept.keep(forget, False)
        rows = []
        for reader in await kept.readers():
            backlog = await kept.backlog(reader)
            rows.append(
                {"reader": reader, "waiting": backlog.depth, "oldest_s": round(backlog.lag_s, 1)}
            )
        return rows, forgot
