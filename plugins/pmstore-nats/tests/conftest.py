"""A real NATS for the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_READY_S_MAX = 30.0


class NatsServer:
    """A throw-away NATS with JetStream on a free port of loopback."""

    host = "127.0.0.1"

    def __init__(self, program: str, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind((self.host, 0))
            self.port = probe.getsockname()[1]
        self._command = [program, "-js", "-sd", folder, "-a", self.host, "-p", str(self.port)]
        self._log = folder / "log.txt"
        self.start()

    def start(self) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until = time.monotonic() + _READY_S_MAX
        while b"Server is ready" not in self._log.read_bytes():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.01)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/bin"
    program = shutil.which("nats-server", path=path)
    if program is None:
        remedy = "no nats-server: install it (Debian, Ubuntu: apt install nats-server)"
        if "nats" in os.environ.get("PM_REQUIRE", "").split(","):
            pytest.fail(remedy)
        pytest.skip(remedy)
    server = NatsServer(program, tmp_path_factory.mktemp("nats"))
    yield server
    server.stop()
