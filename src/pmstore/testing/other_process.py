"""A store that another process has opened, called from here."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

_LENGTH: Final = struct.Struct("!I")
_CHILD: Final = Path(__file__).with_name("child.py")
_ENDS_S: Final = 10.0


class OtherProcessDied(Exception):
    """The process was gone before it answered: nobody knows what it did."""


class OtherProcess:
    """
    A process of its own with a store that it opened.

    Attributes:
        store: Has the store's verbs. Calls made at the same time are worked on there at the
            same time; errors are raised here as they were there.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: int
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._ended = ended
        self._pid: int | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reading: asyncio.Task[None] | None = None
        self.store: Any = _Verbs(self._call, "")

    async def begin(self, command: Sequence[str]) -> None:
        """Let it open its store; raises what that raised."""
        self._send(_surroundings())
        self._pid = await self._read()
        self._send(tuple(command))
        opened = await self._read()
        if opened is None:
            raise OtherProcessDied("it ended while it opened the store; see its error output")
        if opened[1] is not None:
            raise _error(opened[1])
        self._reading = asyncio.create_task(self._read_on())

    async def kill(self) -> None:
        """End it at once, whatever it is doing; what nobody answered raises."""
        self._kill()
        await self._gone()

    async def end(self) -> None:
        """Let it leave its store and end."""
        if self._ended < 0:
            return
        with contextlib.suppress(OSError):
            self._writer.write_eof()
        try:
            async with asyncio.timeout(_ENDS_S):
                await self._gone()
        except TimeoutError:
            self._kill()
            await self._gone()

    def _kill(self) -> None:
        if self._pid is not None and self._ended >= 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    async def _gone(self) -> None:
        """Wait until it is no more, with all that it held."""
        if self._ended < 0:
            return
        loop = asyncio.get_running_loop()
        closed = asyncio.Event()
        loop.add_reader(self._ended, closed.set)
        try:
            await closed.wait()
        finally:
            loop.remove_reader(self._ended)
        os.close(self._ended)
        self._ended = -1
        if self._reading is not None:
            await self._reading
        self._writer.close()

    async def _call(self, verb: str, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if self._ended < 0 or self._reading is None or self._reading.done():
            raise OtherProcessDied("it has ended")
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._send((number, verb, positional, named))
            return await self._waiting[number]
        finally:
            self._waiting.pop(number, None)

    def _send(self, request: tuple[Any, ...]) -> None:
        text = pickle.dumps(request)
        self._writer.write(_LENGTH.pack(len(text)) + text)

    async def _read(self) -> Any:
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            return pickle.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _read_on(self) -> None:
        while (answer := await self._read()) is not None:
            number, fine, value = answer
            waiting = self._waiting.get(number)
            if waiting is None or waiting.done():
                continue
            if fine:
                waiting.set_result(value)
            else:
                waiting.set_exception(_error(value))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(OtherProcessDied("it ended before it answered"))


class _Verbs:
    """Turns attributes into calls over there: `store.save(…)`, `both.stream.append(…)`."""

    def __init__(
        self,
        call: Callable[[str, tuple[Any, ...], dict[str, Any]], Coroutine[Any, Any, Any]],
        verb: str,
    ) -> None:
        self._call_there = call
        self._verb = verb

    def __getattr__(self, name: str) -> _Verbs:
        return _Verbs(self._call_there, f"{self._verb}.{name}" if self._verb else name)

    def __call__(self, *positional: Any, **named: Any) -> Coroutine[Any, Any, Any]:
        return self._call_there(self._verb, positional, named)


def _error(parts: tuple[type[BaseException], tuple[Any, ...], dict[str, Any]]) -> BaseException:
    kind, args, attributes = parts
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


def _surroundings() -> tuple[list[str], list[str], dict[str, str], str]:
    """What the other process shall have as this one has it; see `child.Surroundings`."""
    ours = [name for name in sys.modules if name.partition(".")[0] == "pmstore"]
    modules = [name for name in ours if not name.startswith(("pmstore.cli", "pmstore.testing"))]
    return modules, [path for path in sys.path if path], dict(os.environ), os.getcwd()


class _Forks:
    """The process that forks the others; started when the first is asked for."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, *descriptors: int) -> None:
        """Ask for a child with these *descriptors*."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        assert self._control is not None
        socket.send_fds(self._control, [b"x"], descriptors)

    def close(self) -> None:
        """Let it end."""
        if self._process is not None and self._control is not None:
            self._control.close()
            self._process.wait()
            self._process = self._control = None

    def _start(self) -> None:
        if self._control is not None:
            self._control.close()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", _CHILD], stdin=theirs.fileno(), start_new_session=True
            )


_forks: Final = _Forks()
atexit.register(_forks.close)


@asynccontextmanager
async def opened_elsewhere(command: Sequence[str]) -> AsyncIterator[OtherProcess]:
    """
    Another process that opens a store by *command*: `module:factory` and its arguments.

    It sees the same modules as this one.
    """
    ours, theirs = socket.socketpair()
    ended, ends = os.pipe()
    try:
        _forks.fork(theirs.fileno(), sys.__stderr__.fileno() if sys.__stderr__ else 2, ends)
    finally:
        theirs.close()
        os.close(ends)
    reader, writer = await asyncio.open_connection(sock=ours, limit=2**26)
    other = OtherProcess(reader, writer, ended)
    try:
        await other.begin(command)
        yield other
    finally:
        await other.end()
