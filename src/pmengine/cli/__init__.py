"""The command `pmengine`: runs the exchange, and plays recorded order flow through its engine."""

import sys

from pmengine.cli.exits import Exit

__all__ = ["main"]


def main() -> None:
    """Run the command line; says what to install if the extra `engine` is missing."""
    try:
        from pmengine.cli.application import application
    except ModuleNotFoundError as error:
        if error.name not in ("librt", "mypy_extensions", "rich", "typer"):
            raise
        print("The command pmengine needs an extra: pip install 'pmstore[engine]'", file=sys.stderr)
        sys.exit(Exit.MISSING)
    application(prog_name="pmengine")
