"""Follows a page: takes its files, its edits and what it says that one will see."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

_BLOCK = re.compile(r"^```(?P<word>[a-z]+)(?: (?P<path>\S+))?\n(?P<body>.*?)^```$", re.M | re.S)


@attrs.frozen
class Block:
    """One block of code, with the file that it names, if it names one."""

    word: str
    path: str | None
    body: str


def blocks(page: Path) -> list[Block]:
    """All blocks of *page*, in order."""
    text = page.read_text(encoding="utf-8")
    return [Block(one["word"], one["path"], one["body"]) for one in _BLOCK.finditer(text)]


def write_files(page: Path, folder: Path) -> list[str]:
    """Write every file of *page* into *folder*; answers their names."""
    files = [one for one in blocks(page) if one.path is not None and one.word != "diff"]
    for one in files:
        assert one.path is not None
        path = folder / one.path
        assert not path.exists(), f"{one.path} is on the page twice"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.body, encoding="utf-8")
    return [str(one.path) for one in files]


def edit(block: Block, folder: Path) -> None:
    """Do in *folder* what a diff on the page shows: its `-` lines become its `+` lines."""
    assert block.path is not None
    lines = block.body.splitlines()
    before = "\n".join(line[1:] for line in lines if line.startswith("-"))
    after = "\n".join(line[1:] for line in lines if line.startswith("+"))
    path = folder / block.path
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{block.path} has these lines once: {before!r}"
    path.write_text(text.replace(before, after), encoding="utf-8")


def missing(promised: str, seen: str) -> list[str]:
    """The lines that the page shows and *seen* does not have, in any spacing, up to a `…`."""
    flat = " ".join(seen.split())
    lines = [" ".join(line.partition("…")[0].split()) for line in promised.splitlines()]
    return [line for line in lines if line not in flat]
