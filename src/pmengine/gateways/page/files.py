"""Reads the files of the page, once: what is served is what was there at the start."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import attrs

STATIC: Final = Path(__file__).parent / "static"
"""What the build of the page leaves here; part of the wheel."""

_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".ico": b"image/x-icon",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
    ".webmanifest": b"application/manifest+json",
    ".webp": b"image/webp",
    ".woff2": b"font/woff2",
}
_PACKED_ALREADY: Final = frozenset({".png", ".webp", ".woff2"})
_PATH: Final = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_HASHED: Final = re.compile(r"assets/.+-[A-Za-z0-9_-]{8}\.[a-z0-9]+")
INDEX: Final = "index.html"


@attrs.frozen(kw_only=True)
class PageFile:
    """
    One file as it is sent.

    `packed` is the same by gzip, None where that is not smaller. `etag` names the content. One
    that `is_hashed` has it in its name too: under that name it never changes.
    """

    content_type: bytes
    body: bytes
    packed: bytes | None
    etag: str
    is_hashed: bool


def read_files(folder: Path) -> dict[str, PageFile]:
    """
    Every file below *folder*, by the path that it is asked for with; `index.html` is `/`.

    Raises:
        ValueError: There is no `index.html`, or a file that cannot be served by its name.
    """
    found: dict[str, PageFile] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            found["/" if name == INDEX else f"/{name}"] = _read(path, name)
    if "/" not in found:
        raise ValueError(f"there is no {INDEX} in {folder}: the page was not built")
    return found


@cache
def own_files() -> Mapping[str, PageFile]:
    """The page that this package brings."""
    return read_files(STATIC)


def _read(path: Path, name: str) -> PageFile:
    content_type = _TYPES.get(path.suffix)
    if content_type is None or _PATH.fullmatch(name) is None:
        raise ValueError(f"{name} is no file of a page: its type is not known, or its name is odd")
    body = path.read_bytes()
    packed = None if path.suffix in _PACKED_ALREADY else gzip.compress(body, mtime=0)
    return PageFile(
        content_type=content_type,
        body=body,
        packed=packed if packed is not None and len(packed) < len(body) else None,
        etag=hashlib.sha256(body).hexdigest()[:32],
        is_hashed=_HASHED.fullmatch(name) is not None,
    )
