"""A server as a process of ours: started, stopped, killed, frozen, by its own id."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_PORT_MIN: Final = 10_000
_PORT_MAX: Final = 22_000
"""
Below the ports that the system gives to clients (from 32768 on Linux), so that a server finds
its own free when it starts again; with the bus of a cluster, which listens at the port + 10000.
"""
_SHARES: Final = 16
"""Test processes beside each other look among different ports: one in so many is theirs."""
_READY_S_MAX: Final = 60.0
_STOP_S_MAX: Final = 20.0


class ServerFailed(RuntimeError):
    """A server did not start; the message holds the end of its log."""


_given: Final[set[int]] = set()


def free_port() -> int:
    """
    A port of loopback that nobody listens at just now, and neither at it + 10000.

    It is none that was answered before, as far as there are others: who asked for it may not
    listen yet.
    """
    ours = range(_PORT_MIN + os.getpid() % _SHARES, _PORT_MAX, _SHARES)
    if len(_given) > len(ours) // 2:
        _given.clear()
    for _ in range(1000):
        port = random.choice(ours)
        if port in _given:
            continue
        with contextlib.ExitStack() as sockets:
            try:
                for each in (port, port + 10_000):
                    probe = sockets.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", each))
            except OSError:
                continue
            _given.add(port)
            return port
    raise ServerFailed("no free port on loopback")


class ServerProcess:
    """
    One run of a server's program.

    Args:
        command: The program and its arguments.
        log: Where its output goes.
        ready: The text in its log that says that it takes connections.
        popen: Further arguments of `subprocess.Popen`.
        stop_signal: The signal that asks it to stop now, without waiting for clients.

    Raises:
        ServerFailed: It ended, or is not ready within 60 seconds.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        ready: bytes,
        popen: Mapping[str, Any],
        stop_signal: signal.Signals,
    ) -> None:
        self._stop_signal = stop_signal
        self._log = log
        with log.open("ab") as output:
            begin = output.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **popen,
            )
        self._wait(begin, ready)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def stop(self) -> None:
        """Ask it to stop; kill it if it does not within 20 seconds."""
        if self._process.poll() is None:
            self.resume()
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(_STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it and its children at once, as a crash of the machine's software does."""
        for pid in self._family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def pause(self) -> None:
        """Freeze it and its children: connections stay, nobody answers."""
        for pid in self._family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        for pid in self._family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _family(self) -> list[int]:
        """The process and its children, which may have sessions of their own."""
        if self._process.poll() is not None:
            return []
        return [self._process.pid, *_children(self._process.pid)]

    def _wait(self, begin: int, ready: bytes) -> None:
        deadline = time.monotonic() + _READY_S_MAX
        while ready not in self._output(begin):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                if not ended:
                    self.kill()
                state = f"ended with {self._process.returncode}" if ended else "is not ready"
                last = self._output(begin).decode(errors="replace")[-2000:]
                raise ServerFailed(f"{self._process.args!r} {state}:\n{last}")
            time.sleep(0.02)

    def _output(self, begin: int) -> bytes:
        with self._log.open("rb") as file:
            file.seek(begin)
            return file.read()


def _children(parent: int) -> list[int]:
    """The processes that *parent* has started; on Linux without looking at all others."""
    if not Path(f"/proc/{parent}/task/{parent}/children").exists():
        table = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split() for line in table.splitlines()]
        return [int(pid) for pid, above in rows if int(above) == parent]
    # A list that is read while one of them ends may lack another.
    found = _listed(parent)
    while (again := _listed(parent)) != found:
        found = again
    return found


def _listed(parent: int) -> list[int]:
    words: list[str] = []
    for path in Path(f"/proc/{parent}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that ended meanwhile
            words += path.read_text().split()
    return [int(word) for word in words]
