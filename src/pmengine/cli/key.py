"""`pmengine key`: makes, lists and revokes API keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmengine.cli.exits import Exit

if TYPE_CHECKING:
    from pmengine.gateways.auth import Key

EnvFile = Annotated[
    Path | None, typer.Option("--env", "--env-file", help="Read this .env file instead of ./.env.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

keys = typer.Typer(
    name="key",
    help="""
    Make, list and revoke API keys; the exchange may run or not.

    Examples:

        pmengine key create alice --scope trade

        pmengine key list

        pmengine key revoke 8f14e45fceea167a
    """,
    no_args_is_help=True,
)


@keys.command("create")
def create(
    user: Annotated[str, typer.Argument(help="The user that the key speaks for.")],
    scopes: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="read, trade (includes read) or admin (includes neither); again for several.",
        ),
    ],
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Make a key for a user, and print it this once: what is kept is its hash.

    It counts within a second on every gateway with AUTH=keys. Exit codes: 0 made, 2 wrong
    settings or options, 4 the streams do not answer.

    Examples:

        pmengine key create alice --scope trade

        pmengine key create ops --scope read --scope admin --env deploy/.env.distributed --json
    """
    from pmengine.cli.looking import looked_at
    from pmengine.gateways.auth import Scope, is_user_id
    from pmengine.processes.key_desk import create_key

    if not is_user_id(user):
        raise typer.BadParameter("a user's id is 1..64 of A-Z a-z 0-9 . _ : -")
    unknown = [one for one in scopes if one not in list(Scope)]
    if unknown:
        raise typer.BadParameter(f"there is no scope {unknown[0]!r}; there are read, trade, admin")
    with looked_at(env_file) as settings:
        key, text = asyncio.run(create_key(settings, user, {Scope(one) for one in scopes}))
    if as_json:
        _print_json({**_told(key), "key": text})
        return
    typer.echo(text)
    typer.echo(f"Key {key.id} of {user}. Keep it now: it is not shown again.", err=True)


@keys.command("list")
def show(env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """
    Show every key that was made, oldest first, without what is secret.

    Exit codes: 0 shown, 2 wrong settings, 4 the streams do not answer.

    Examples:

        pmengine key list

        pmengine key list --json
    """
    from pmengine.cli.looking import looked_at
    from pmengine.processes.key_desk import list_keys

    with looked_at(env_file) as settings:
        found = asyncio.run(list_keys(settings))
    if as_json:
        _print_json([_told(key) for key in found])
    else:
        _print_table(found)


@keys.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `list` shows.")],
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Let a key count no more; on every gateway within AUTH_KEYS_MAX_AGE_SECONDS.

    Revoking it again changes nothing. Exit codes: 0 it is revoked, 2 wrong settings, 4 the
    streams do not answer (revoke it again), 5 there is no such key.

    Examples:

        pmengine key revoke 8f14e45fceea167a
    """
    from pmengine.cli.looking import looked_at
    from pmengine.processes.key_desk import revoke_key

    with looked_at(env_file) as settings:
        key = asyncio.run(revoke_key(settings, key_id))
    if key is None:
        typer.echo(f"pmengine: there is no key {key_id}; `pmengine key list` shows all", err=True)
        raise typer.Exit(Exit.ABSENT)
    if as_json:
        _print_json(_told(key))
    else:
        typer.echo(f"Key {key.id} of {key.user_id} is revoked.")


def _told(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "user_id": key.user_id,
        "scopes": sorted(key.scopes),
        "created_ms": key.created_ms,
        "revoked_ms": key.revoked_ms,
    }


def _print_json(document: object) -> None:
    import msgspec

    typer.echo(msgspec.json.encode(document).decode())


def _print_table(found: list[Key]) -> None:
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.table import Table

    def time(ms: int | None) -> str:
        return "" if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%SZ}"

    table = Table(box=None)
    for name in ("id", "user", "scopes", "made", "revoked"):
        table.add_column(name, no_wrap=name in ("id", "made", "revoked"))
    for key in found:
        scopes = " ".join(sorted(key.scopes))
        table.add_row(key.id, key.user_id, scopes, time(key.created_ms), time(key.revoked_ms))
    Console().print(table)
