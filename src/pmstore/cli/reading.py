"""Stores that are opened to be looked at: nothing is made, and no writer is disturbed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import typer

from pmstore.cli.exits import Exit, say
from pmstore.cli.places import Place
from pmstore.errors import SettingsError, StoreUnavailable
from pmstore.registry import find_backend


async def refuse_older_or_absent(place: Place) -> None:
    """
    Nothing, if the truth of *place* has no schema or the newest one.

    Raises:
        SettingsError: The schema is older than this code.
        typer.Exit: Nothing was ever stored there; opening it would make it.
    """
    truth = place.stack.truth
    backend, config = find_backend(truth, pins=place.pins)
    if backend.schema is None:
        return
    revisions = await backend.schema.look(config)
    if revisions.found is None:
        say(f"{truth}: nothing was ever stored there; is the URL right?")
        raise typer.Exit(Exit.ABSENT)
    if not revisions.is_current:
        raise SettingsError(
            [
                f"{truth}: its schema has revision {revisions.found}, this pmstore works "
                f"with {revisions.newest}: pmstore migrate {truth}"
            ]
        )


@asynccontextmanager
async def opened_to_read(
    place: Place, contract: str, open_store: Callable[..., Any]
) -> AsyncIterator[Any]:
    """
    The store of *contract* at *place*, beside a running writer if that is possible.

    Opening a database makes or migrates its tables: who looks wants neither. Where looking
    would disturb a writer, the truth of the stack is opened alone, since its caches are
    another process's or empty.

    Raises:
        SettingsError: The schema is older than this code.
        typer.Exit: Nothing was ever stored there.
    """
    await refuse_older_or_absent(place)
    backend, config = find_backend(place.stack.truth, pins=place.pins)
    factories: Mapping[str, Any] = backend.contracts
    async with AsyncExitStack() as exits:
        if backend.read_only is None or contract not in factories:
            store = await exits.enter_async_context(open_store(place.stack, pins=place.pins))
        else:
            try:
                store = await exits.enter_async_context(
                    factories[contract](backend.read_only(config))
                )
            except StoreUnavailable as error:
                if error.__cause__ is not None:
                    raise
                # Its writer makes it, and there was none.
                say(str(error))
                raise typer.Exit(Exit.ABSENT) from None
        yield store
