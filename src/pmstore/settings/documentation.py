"""The reference page of a settings class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pmstore.settings.declaration import Setting, settings_of


def markdown_table(cls: type[Any], /) -> str:
    """A Markdown table of every setting of *cls*: name, form, default, what it does."""
    rows = [
        f"| `{one.name}` | {one.form} | {_default(one)} | {one.doc} |" for one in settings_of(cls)
    ]
    return "\n".join(
        ["| name | value | default | what it does |", "| --- | --- | --- | --- |", *rows]
    )


def _default(one: Setting) -> str:
    match one.default:
        case None:
            return "unset"
        case bool(value):
            return f"`{str(value).lower()}`"
        case float(value):
            return f"`{value:g}`"
        case Path() as value:
            return f"`{value.as_posix()}`"
        case value:
            return f"`{value}`"
