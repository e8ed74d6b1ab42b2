"""Prints answers: a table for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
JsonLines = Annotated[
    bool, typer.Option("--json", help="Print each record as one line of JSON instead of a table.")
]

_UNFOLDED = 10_000
"""Columns of a screen that is none: what goes into a pipe is not folded."""


def print_rows(
    rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str, header: bool = True
) -> None:
    """Print *rows*, all with the same keys; *empty* is said to people if there are none."""
    if as_json:
        print(json.dumps(list(rows), ensure_ascii=False))
    elif not rows:
        print(empty)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=header)
        for name in rows[0]:
            table.add_column(name.replace("_", " "), overflow="fold")
        for row in rows:
            table.add_row(*(_cell(value) for value in row.values()))
        width = None if sys.stdout.isatty() else _UNFOLDED
        Console(markup=False, highlight=False, emoji=False, width=width).print(table)


def print_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one record: a line for each of its values."""
    if as_json:
        print(json.dumps(record, ensure_ascii=False))
        return
    width = max(map(len, record))
    for name, value in record.items():
        print(f"{name.replace('_', ' '):<{width}}  {_cell(value)}")


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case list() | tuple():
            return ", ".join(map(_cell, value)) or "-"
        case dict():
            return ", ".join(f"{name} {_cell(one)}" for name, one in value.items()) or "-"
        case _:
            return str(value)
