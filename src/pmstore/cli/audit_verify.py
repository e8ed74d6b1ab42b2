"""`pmstore audit verify`: is the audit log of the trades as it was written?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits
from pmstore.cli.output import Json, print_record
from pmstore.registry import audit
from pmstore.url import Stack, Url

EXAMPLES = examples(
    "pmstore audit verify trades.log",
    "pmstore audit verify trades.log --json",
)


def audit_verify(
    path: Annotated[Path, typer.Argument(help="The audit log, such as trades.log.")],
    as_json: Json = False,
) -> None:
    """Find every edited, dropped, reordered or cut record of an audit log."""
    if not path.exists():
        typer.echo(f"pmstore: {path}: there is no such file", err=True)
        raise typer.Exit(Exit.ABSENT)
    with failures_as_exits():
        report = audit(Stack(layers=(Url(scheme="file", path=path.as_posix()),)))
    record = {
        "path": str(path),
        "count": report.count,
        "last_hash": report.last_hash,
        "problems": list(report.problems),
    }
    if as_json:
        print_record(record, as_json=True)
    else:
        print_record({**record, "problems": len(report.problems)}, as_json=False)
        for problem in report.problems:
            typer.echo(f"  {problem}")
    if report.problems:
        raise typer.Exit(Exit.DAMAGED)
