"""`pmstore snapshot verify`: can every generation be read as it was written?"""

from __future__ import annotations

import asyncio

import typer

from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits
from pmstore.cli.output import Json, print_record
from pmstore.cli.places import EnvFile, find_place
from pmstore.cli.snapshot_list import SnapshotUrl, generations

EXAMPLES = examples(
    "pmstore snapshot verify file:data/store && echo whole",
)


def snapshot_verify(
    url: SnapshotUrl = None, env_file: EnvFile = None, as_json: Json = False
) -> None:
    """Read every generation and check it; exit code 1 if one is broken."""
    with failures_as_exits():
        found = asyncio.run(generations(find_place(url, env_file, "snapshots")))
    problems = [f"{one.name}: {one.problem}" for one in found if one.problem is not None]
    print_record(
        {"generations": len(found), "broken": len(problems), "problems": problems},
        as_json=as_json,
    )
    if problems:
        raise typer.Exit(Exit.DAMAGED)
