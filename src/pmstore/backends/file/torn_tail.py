"""What opening cut from a file after a crash."""

from __future__ import annotations

from pathlib import Path

import attrs


@attrs.frozen(kw_only=True)
class TornTail:
    """
    The end of a file that a crash left unfinished, as it was cut at opening.

    None of it was ever acknowledged, unless the file was damaged since.
    """

    path: Path
    offset: int
    bytes_cut: int
    reason: str
