"""A real NATS for the tests."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmstore.testing.servers import free_port
from pmstore.testing.servers.process import ServerProcess


class NatsServer:
    """A throw-away NATS with JetStream."""

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self.start()

    def start(self) -> None:
        program = shutil.which("nats-server", path="/usr/sbin:/usr/local/bin:/usr/bin") or (
            shutil.which("nats-server")
        )
        assert program, "install nats-server (Debian, Ubuntu: apt install nats-server)"
        self.process = ServerProcess(
            [program, "-js", "-sd", self._folder, "-a", self.host, "-p", str(self.port)],
            log=self._folder / "log.txt",
            ready=b"Server is ready",
            popen={"cwd": self._folder},
            stop_signal=signal.SIGTERM,
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    yield server
    server.process.stop()
