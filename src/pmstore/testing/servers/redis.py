"""A throw-away Redis."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from pmstore.testing.servers.binaries import find_redis
from pmstore.testing.servers.server import Server


class RedisServer(Server):
    """
    A Redis (or Valkey) of its own on a free port, which keeps its files in *folder*.

    It writes every command to its disk before it answers (`appendonly yes`, `appendfsync
    always`), unless *options* say otherwise: what was acknowledged is there after `kill`.

    Args:
        folder: Where it keeps its data and its log (`log.txt`); made if it is missing.
        options: Further arguments of the program, such as `("--requirepass", "secret")`;
            later ones beat ours.
    """

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        super().__init__(
            find_redis(),
            folder,
            options=options,
            ready=b"eady to accept connections",
            stop_signal=signal.SIGTERM,
        )

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:port/0`."""
        return f"redis://{self.host}:{self.port}/0"

    def _empty(self) -> None:
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.suffix in (".rdb", ".aof"):
                path.unlink()

    def _command(self) -> list[str | Path]:
        return [
            self.binary.path,
            *("--port", str(self.port), "--bind", self.host, "--dir", self.folder),
            *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
            *self.options,
        ]
