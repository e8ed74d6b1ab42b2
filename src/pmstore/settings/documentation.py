"""The reference page of settings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pmstore.settings.declaration import Setting


def markdown_table(settings: Iterable[Setting], /) -> str:
    """A Markdown table of *settings* (see `settings_of`): name, form, default, what it does."""
    rows = [f"| `{one.name}` | {one.form} | {_default(one)} | {one.doc} |" for one in settings]
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
