"""A throw-away Redis."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pmstore.testing.servers.binaries import find_redis
from pmstore.testing.servers.process import ServerFailed, ServerProcess, free_port

_STARTS_MAX: Final = 3
"""Another process may take a free port before the server does."""


class RedisServer:
    """
    A Redis (or Valkey) of its own on a free port, which keeps its files in *folder*.

    It writes every command to its disk before it answers (`appendonly yes`, `appendfsync
    always`), unless *options* say otherwise: what was acknowledged is there after `kill`.

    Args:
        folder: Where it keeps its data and its log (`log.txt`); made if it is missing.
        options: Further arguments of the program, such as `("--requirepass", "secret")`;
            later ones beat ours.
    """

    host: Final = "127.0.0.1"

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        self._binary = find_redis()
        self._folder = folder
        self._options = tuple(options)
        self._process: ServerProcess | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:port/0`."""
        return f"redis://{self.host}:{self.port}/0"

    @property
    def version(self) -> str:
        """Of the program."""
        return self._binary.version

    @property
    def flavour(self) -> str:
        """`redis` or `valkey`."""
        return self._binary.flavour

    @property
    def origin(self) -> str:
        """`system` or `wheels`."""
        return self._binary.origin

    @property
    def log(self) -> Path:
        """What the server said."""
        return self._folder / "log.txt"

    def __str__(self) -> str:
        return str(self._binary)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; the port stays the same from the first start on."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, _STARTS_MAX + 1):
            try:
                self._process = ServerProcess(
                    self._command(),
                    log=self.log,
                    ready=b"eady to accept connections",
                    popen={"cwd": self._folder},
                    stop_signal=signal.SIGTERM,
                )
            except ServerFailed as failed:
                if attempt == _STARTS_MAX or "in use" not in str(failed):
                    raise
                self.port = free_port()
            else:
                return

    def stop(self) -> None:
        """Stop it; without effect on one that does not run."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it at once."""
        self._running().kill()
        self._process = None

    def pause(self) -> None:
        """Freeze it: connections stay, nobody answers."""
        self._running().pause()

    def resume(self) -> None:
        """Let a frozen one go on."""
        self._running().resume()

    def restart(self, *, empty: bool = False) -> None:
        """Start it again at its port, with its data or without any; it is stopped if it runs."""
        self.stop()
        if empty:
            for path in self._folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path != self.log and path.suffix in (".rdb", ".aof"):
                    path.unlink()
        self.start()

    def _running(self) -> ServerProcess:
        if self._process is None:
            raise ServerFailed("the server does not run")
        return self._process

    def _command(self) -> list[str | Path]:
        return [
            self._binary.path,
            *("--port", str(self.port), "--bind", self.host, "--dir", self._folder),
            *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
            *self._options,
        ]
