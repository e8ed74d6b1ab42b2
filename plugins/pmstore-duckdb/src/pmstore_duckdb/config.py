"""What a `duckdb:` URL can say."""

from __future__ import annotations

from pathlib import Path

import attrs


@attrs.frozen(kw_only=True)
class DuckConfig:
    """
    The parts of `duckdb:file`.

    Attributes:
        path: The database file; its log stands beside it as `file.wal`.
    """

    path: Path
