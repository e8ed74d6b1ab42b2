"""A throw-away server: one program, its folder and its port, started and ended as tests need."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pmstore.testing.servers.binaries import ServerBinary
from pmstore.testing.servers.process import ServerFailed, ServerProcess, free_port

_STARTS_MAX: Final = 3
"""Another process may take a free port before the server does."""


class Server(ABC):
    """
    A server of its own on a free port of loopback; `with` starts and stops it.

    Args:
        binary: Its program.
        folder: Where it keeps its data and its log (`log.txt`); made if it is missing.
        options: Further arguments of the program; later ones beat ours.
        ready: The text in its log that says that it takes connections.
        stop_signal: The signal that asks it to stop now, without waiting for clients.
    """

    host: Final = "127.0.0.1"

    def __init__(
        self,
        binary: ServerBinary,
        folder: Path,
        *,
        options: Sequence[str],
        ready: bytes,
        stop_signal: signal.Signals,
    ) -> None:
        self.binary = binary
        self.folder = folder.absolute()
        self.options = tuple(options)
        self.port = free_port()
        self._ready = ready
        self._stop_signal = stop_signal
        self._process: ServerProcess | None = None
        self._started = False

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is."""

    @property
    def version(self) -> str:
        """Of the program."""
        return self.binary.version

    @property
    def flavour(self) -> str:
        """Which program it is."""
        return self.binary.flavour

    @property
    def origin(self) -> str:
        """`system` or `wheels`."""
        return self.binary.origin

    @property
    def log(self) -> Path:
        """What the server said."""
        return self.folder / "log.txt"

    def __str__(self) -> str:
        return str(self.binary)

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
        """
        Start it; the port stays the same from the first start on.

        Raises:
            ServerFailed: It does not start, or another program took its port meanwhile.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._prepare()
        starts = 1 if self._started else _STARTS_MAX
        for attempt in range(1, starts + 1):
            try:
                self._process = ServerProcess(
                    self._command(),
                    log=self.log,
                    ready=self._ready,
                    popen=self._popen(),
                    stop_signal=self._stop_signal,
                )
            except ServerFailed as failed:
                if attempt == starts or "in use" not in str(failed):
                    raise
                self.port = free_port()
            else:
                self._started = True
                return

    def stop(self) -> None:
        """Stop it; without effect on one that does not run."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it and its children at once, as a crash does."""
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
            self._empty()
        self.start()

    def _running(self) -> ServerProcess:
        if self._process is None:
            raise ServerFailed("the server does not run")
        return self._process

    def _prepare(self) -> None:  # noqa: B027 # most have nothing to prepare
        """Make what the program expects to be there."""

    def _popen(self) -> Mapping[str, Any]:
        """Further arguments of `subprocess.Popen`."""
        return {"cwd": self.folder}

    @abstractmethod
    def _command(self) -> list[str | Path]:
        """The program and its arguments."""

    @abstractmethod
    def _empty(self) -> None:
        """Remove all data of one that does not run."""
