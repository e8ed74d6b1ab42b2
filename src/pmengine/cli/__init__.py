"""The command `pmengine`: runs the exchange, and plays recorded order flow through its engine."""

import sys
from typing import Final

from pmengine.cli.exits import Exit

__all__ = ["NEEDED", "main"]

NEEDED: Final = frozenset(
    {
        "cryptography",
        "google",
        "grpc",
        "httptools",
        "jwt",
        "librt",
        "mypy_extensions",
        "prometheus_client",
        "rich",
        "starlette",
        "structlog",
        "typer",
        "uvicorn",
        "uvloop",
        "websockets",
    }
)
"""Packages that commands import and that only the extra `engine` brings together."""


def main() -> None:
    """Run the command line; says what to install if a part of the extra `engine` is missing."""
    try:
        from pmengine.cli.application import application

        application(prog_name="pmengine")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        print("The command pmengine needs an extra: pip install 'pmstore[engine]'", file=sys.stderr)
        sys.exit(Exit.MISSING)
