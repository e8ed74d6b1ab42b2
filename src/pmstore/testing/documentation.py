"""The clauses as the table of the reference page."""

from __future__ import annotations

from typing import Any

from pmstore.testing.clause import Clauses


def clause_table(clauses: Clauses[Any]) -> str:
    """A Markdown table of every clause: its name, what a rig must declare for it, its law."""
    rows = [f"| `{one.name}` | {one.need or ''} | {one.law} |" for one in clauses]
    return "\n".join(["| clause | needs | law |", "| --- | --- | --- |", *rows])
