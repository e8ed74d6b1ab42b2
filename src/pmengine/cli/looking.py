"""What every command shares that only looks at a deployment: its settings, and its failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer

from pmengine.cli.exits import Exit
from pmengine.processes.foreign_store import require_right_log
from pmengine.services.verifying import CannotBegin
from pmengine.settings import Settings, load_settings
from pmstore import CorruptData, PmstoreError, SettingsError


@contextmanager
def looked_at(env_file: Path | None) -> Iterator[Settings]:
    """The settings of the deployment; a failure is said in a few lines and an exit code."""
    try:
        settings = load_settings(env_file)
        require_right_log(settings, ["look"])
        yield settings
    except SettingsError as error:
        typer.echo("The settings cannot be used:", err=True)
        for problem in error.problems:
            typer.echo(f"  {problem}", err=True)
        raise typer.Exit(Exit.USAGE) from None
    except CannotBegin as error:
        _end(str(error), Exit.ABSENT)
    except CorruptData as error:
        _end(f"damaged: {error}", Exit.DIFFERENT)
    except (PmstoreError, OSError) as error:
        _end(str(error), Exit.STOPPED)


def _end(message: str, code: Exit) -> NoReturn:
    typer.echo(f"pmengine: {message}", err=True)
    raise typer.Exit(code) from None
