"""Fills settings classes from the environment, and names every problem at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from pmstore.errors import SettingsError
from pmstore.plugin import nearest
from pmstore.settings.declaration import (
    Declared,
    DeclaredFamily,
    DeclaredGroup,
    declarations,
    settings_of,
)
from pmstore.settings.env_file import read_env_file

T = TypeVar("T")


@runtime_checkable
class HasConflicts(Protocol):
    """A settings class that knows combinations of values which cannot be."""

    def conflicts(self) -> Sequence[str]:
        """Each impossible combination in one line; no secret in it."""
        ...


def read_settings(
    cls: type[T],
    /,
    *,
    env_file: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    prefixes: Sequence[str] = ("PMSTORE_",),
) -> T:
    """
    Make *cls* from the environment and a `.env` file.

    The environment beats the file. A value that is empty counts as unset.

    Args:
        cls: An attrs class whose fields are declared by `setting`, `family` and `group`.
            Its method `conflicts()`, if it has one, names impossible combinations.
        env_file: Read this file, which must exist; None reads `.env` if there is one.
        environ: Instead of the environment of the process.
        prefixes: Every name that begins with one of these is ours: an unknown one is a
            problem, a typing error most likely.

    Raises:
        SettingsError: Unknown names, unreadable values, impossible combinations: all of
            them, unknown names and words with the nearest right one.
    """
    problems: list[str] = []
    values: dict[str, str] = {}
    file = Path(".env" if env_file is None else env_file)
    if env_file is not None or file.is_file():
        values, problems = read_env_file(file)
    values.update(os.environ if environ is None else environ)
    problems += _unknown(cls, values, prefixes)
    made = _fill(cls, values, problems)
    if problems:
        raise SettingsError(problems)
    assert made is not None
    return made


def _unknown(cls: type[Any], values: Mapping[str, str], prefixes: Sequence[str]) -> list[str]:
    names = [one.name for one in settings_of(cls)]
    families = tuple(name[:-1] for name in names if name.endswith("*"))
    return [
        f"{name}: there is no such setting.{nearest(name, names)}"
        for name in sorted(values)
        if name.startswith(tuple(prefixes))
        and name not in names
        and not (families and name.startswith(families))
    ]


def _fill(cls: type[T], values: Mapping[str, str], problems: list[str]) -> T | None:
    """An instance of *cls*, or None if *problems* got longer."""
    before = len(problems)
    arguments: dict[str, Any] = {}
    for field, declared in declarations(cls).items():
        match declared:
            case DeclaredGroup():
                arguments[field] = _fill(declared.cls, values, problems)
            case DeclaredFamily():
                arguments[field] = {
                    name.removeprefix(declared.prefix).lower(): value
                    for name, value in values.items()
                    if name.startswith(declared.prefix) and value
                }
            case Declared():
                # Not stripped: a password may end with a blank.
                value = values.get(declared.setting.name, "")
                if value.strip():
                    try:
                        arguments[field] = declared.parser.read(value)
                    except ValueError as error:
                        problems.append(_unreadable(declared, value, error))
    if len(problems) > before:
        return None
    made = cls(**arguments)
    if isinstance(made, HasConflicts):
        problems += made.conflicts()
    return made if len(problems) == before else None


def _unreadable(declared: Declared, value: str, error: ValueError) -> str:
    one = declared.setting
    repeatable = declared.parser.repeatable and not one.secret
    shown = repr(value) if repeatable else "the value (not shown)"
    reason = "" if one.secret or not error.args else str(error.args[0]).strip()
    sentence = f" {reason[0].upper()}{reason[1:]}" if reason else ""
    return f"{one.name}: {shown} is not of the form: {one.form}.{sentence}"
