"""A store that another process has opened, called from here."""

from __future__ import annotations

import asyncio
import itertools
import os
import pickle
import struct
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

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reading: asyncio.Task[None] | None = None
        self.store: Any = _Verbs(self._call, "")

    async def begin(self, command: Sequence[str]) -> None:
        """Let it open its store; raises what that raised."""
        self._send(tuple(command))
        opened = await self._read()
        if opened is None:
            raise OtherProcessDied("it ended while it opened the store; see its error output")
        if opened[1] is not None:
            raise _error(opened[1])
        self._reading = asyncio.create_task(self._read_on())

    async def kill(self) -> None:
        """End it at once, whatever it is doing; what nobody answered raises."""
        self._process.kill()
        await self._ended()

    async def end(self) -> None:
        """Let it leave its store and end."""
        stdin = self._process.stdin
        if self._process.returncode is None and stdin is not None:
            stdin.close()
            try:
                async with asyncio.timeout(_ENDS_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
        await self._ended()

    async def _ended(self) -> None:
        if self._reading is not None:
            await self._reading
        await self._process.wait()

    async def _call(self, verb: str, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if self._process.returncode is not None:
            raise OtherProcessDied("it has ended")
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._send((number, verb, positional, named))
            return await self._waiting[number]
        finally:
            self._waiting.pop(number, None)

    def _send(self, request: tuple[Any, ...]) -> None:
        assert self._process.stdin is not None, "it was started with a pipe"
        text = pickle.dumps(request)
        self._process.stdin.write(_LENGTH.pack(len(text)) + text)

    async def _read(self) -> tuple[Any, ...] | None:
        stdout = self._process.stdout
        assert stdout is not None, "it was started with a pipe"
        try:
            (length,) = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))
            answer: tuple[Any, ...] = pickle.loads(await stdout.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return answer

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


@asynccontextmanager
async def opened_elsewhere(command: Sequence[str]) -> AsyncIterator[OtherProcess]:
    """
    Another process that opens a store by *command*: `module:factory` and its arguments.

    It sees the same modules as this one.
    """
    paths = [path for path in sys.path if path]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(_CHILD)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**26,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    other = OtherProcess(process)
    try:
        await other.begin(command)
        yield other
    finally:
        await other.end()
