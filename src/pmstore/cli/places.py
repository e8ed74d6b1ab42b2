"""Where a command looks: a URL, or the deployment that a `.env` file configures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import attrs
import typer

from pmstore.errors import SettingsError
from pmstore.settings import StorageSettings, read_settings
from pmstore.url import Stack, parse_stack

UrlArgument = Annotated[
    str | None,
    typer.Argument(
        help="A store, or a stack in quotes: 'memory:// > sqlite:///orders.db'. "
        "Left out with --env-file.",
        show_default=False,
    ),
]
EnvFile = Annotated[
    Path | None,
    typer.Option("--env-file", help="Use the stores of this .env file instead of a URL."),
]


@attrs.frozen
class Place:
    """A stack, and which distribution serves a scheme that several serve."""

    stack: Stack
    pins: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return str(self.stack)


def find_place(
    url: str | None, env_file: Path | None, contract: str, *, names: str = "a URL or --env-file"
) -> Place:
    """
    The stack that keeps *contract*, as the command line names it.

    Raises:
        SettingsError: The URL or the settings cannot be read.
        typer.BadParameter: Neither was given, or both (*names* says of what).
    """
    if (url is None) == (env_file is None):
        raise typer.BadParameter(f"give either {names}")
    if url is not None:
        return Place(parse_stack(url))
    settings = read_settings(StorageSettings, env_file=env_file)
    stack: Stack = getattr(settings, stack_of(contract))
    return Place(stack, settings.pins)


def stack_of(contract: str) -> str:
    """The name of the setting's property whose stack keeps *contract*."""
    match contract:
        case "orders" | "accounts" | "events" | "ledger":
            return "orders"
        case "trades" | "snapshots":
            return contract
        case "stream" | "lease" | "consumers":
            return "streams"
    raise SettingsError([f"{contract}: no setting names a place for it"])
