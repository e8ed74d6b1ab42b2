"""Reads `.env` files: a strict subset of what a shell takes, with no expansion."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_LINE: Final = re.compile(
    r"""(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
        (?: '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<plain>[^'"\s\#].*?)? )
        \s*(?:(?<=\s)\#.*)?""",
    re.VERBOSE,
)
_ESCAPES: Final = {"n": "\n", "t": "\t"}


def read_env_file(path: Path, /) -> tuple[dict[str, str], list[str]]:
    """
    The names and values of a `.env` file, and every problem with its line.

    A line is empty, a comment, or `NAME=value`, perhaps behind `export`. A plain value
    ends at a blank followed by `#`; one in single quotes is taken as it is; in double
    quotes `\\n`, `\\t`, `\\"`, `\\\\` and `\\$` are escapes. `$` expands nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        return {}, [f"{path}: cannot be read: {error.strerror}"]
    except UnicodeDecodeError:
        return {}, [f"{path}: is not UTF-8"]
    values: dict[str, str] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            # The line is not repeated: it may hold a secret.
            problems.append(f"{path}:{number}: expected NAME=value, with quotes closed")
        elif match["name"] in values:
            problems.append(f"{path}:{number}: {match['name']} is given twice")
        else:
            double = match["double"]
            values[match["name"]] = (
                re.sub(r"\\(.)", lambda sign: _ESCAPES.get(sign[1], sign[1]), double)
                if double is not None
                else match["single"] or match["plain"] or ""
            )
    return values, problems
