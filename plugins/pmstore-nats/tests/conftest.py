"""A real NATS for the tests."""

from __future__ import annotations

import os
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

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self.port = free_port()
        self._folder = folder
        self.start()

    def start(self) -> None:
        self.process = ServerProcess(
            [self._program, "-js", "-sd", self._folder, "-a", self.host, "-p", str(self.port)],
            log=self._folder / "log.txt",
            ready=b"Server is ready",
            popen={"cwd": self._folder},
            stop_signal=signal.SIGTERM,
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    program = shutil.which(
        "nats-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/bin"
    )
    if program is None:
        remedy = "no nats-server: install it (Debian, Ubuntu: apt install nats-server)"
        if "nats" in os.environ.get("PM_REQUIRE", "").split(","):
            pytest.fail(remedy)
        pytest.skip(remedy)
    server = NatsServer(program, tmp_path_factory.mktemp("nats"))
    yield server
    server.process.stop()
