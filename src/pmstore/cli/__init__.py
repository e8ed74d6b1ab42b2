"""The command `pmstore`: looks at stored data, and checks it."""

import sys

from pmstore.cli.exits import Exit

__all__ = ["main"]


def main() -> None:
    """Run the command line; says what to install if the extra `cli` is missing."""
    try:
        from pmstore.cli.application import application
    except ModuleNotFoundError as error:
        if error.name not in ("rich", "typer"):
            raise
        print("The command pmstore needs an extra: pip install 'pmstore[cli]'", file=sys.stderr)
        sys.exit(Exit.UNUSABLE)
    application()
