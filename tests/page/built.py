"""A small page, as a build leaves it."""

from __future__ import annotations

from pathlib import Path

SCRIPT = "assets/index-Dx8_aB-9.js"
FILES = {
    "index.html": b"<!DOCTYPE html><title>tiny</title>" + b"<p>one</p>" * 100,
    SCRIPT: b"console.log(1);" * 100,
    "assets/plain.css": b"p {}",
    "favicon.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}


def built(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    """A folder with *files* in it, as a build leaves them."""
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder
