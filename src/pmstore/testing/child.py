"""
Runs beside the tests: forks processes that open a store and do with it what their parent says.

To start a process costs more than most clauses, so this one imports what stores need once, and
each of its children begins with that. It imports nothing of the kit. A byte on its standard
input asks for a child and brings three descriptors: a socket, the child's error output, and one
that is closed when the child has ended. On the socket come, as pickles with their length before
them, what the parent has (see `Surroundings`), then `module:factory` and its arguments, which
may be secrets and therefore stand on no command line, then calls; answers leave on it. A child
answers while it works on other calls, and ends when nothing more can come.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import pickle
import select
import signal
import socket
import struct
import sys
import traceback
from operator import attrgetter
from typing import Any, Final, NoReturn

_LENGTH: Final = struct.Struct("!I")
_DESCRIPTORS: Final = 3

Surroundings = tuple[list[str], list[str], dict[str, str], str]
"""The modules to import before the fork; path, environment and folder of the parent."""


def packed(message: object) -> bytes:
    """*message* with its length before it."""
    text = pickle.dumps(message)
    return _LENGTH.pack(len(text)) + text


class _Answers:
    """Writes answers, each in one piece."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def send(self, answer: object) -> None:
        try:
            message = packed(answer)
        except Exception as error:
            message = packed((None, _portable(RuntimeError(f"{answer!r}: {error}"))))
        self._writer.write(message)


def _portable(error: BaseException) -> tuple[type[BaseException], tuple[Any, ...], dict[str, Any]]:
    """An error as its parts: not every constructor takes `args` alone."""
    return (type(error), error.args, dict(error.__dict__))


async def _received(requests: asyncio.StreamReader) -> Any:
    (length,) = _LENGTH.unpack(await requests.readexactly(_LENGTH.size))
    return pickle.loads(await requests.readexactly(length))


async def _serve(ours: socket.socket) -> None:
    requests, writer = await asyncio.open_connection(sock=ours, limit=2**26)
    answers = _Answers(writer)
    answers.send(os.getpid())
    factory, *arguments = await _received(requests)
    module, _, name = factory.partition(":")
    try:
        store: Any = attrgetter(name)(importlib.import_module(module))(*arguments)
        await store.__aenter__()
    except Exception as error:
        answers.send((None, _portable(error)))
        await writer.drain()
        return
    answers.send((None, None))
    work: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                request = await _received(requests)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            task = asyncio.create_task(_answer(store, answers, *request))
            work.add(task)
            task.add_done_callback(work.discard)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await store.__aexit__(None, None, None)


async def _answer(
    store: Any,
    answers: _Answers,
    number: int,
    verb: str,
    positional: tuple[Any, ...],
    named: dict[str, Any],
) -> None:
    try:
        answer = await attrgetter(verb)(store)(*positional, **named)
    except Exception as error:
        answers.send((number, False, _portable(error)))
    else:
        answers.send((number, True, answer))


def _exactly(ours: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = ours.recv(count - len(found))
        if not part:
            raise EOFError
        found += part
    return found


class _Forks:
    """The process that forks, until nobody can ask it any more."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._ended: dict[int, int] = {}
        """By the id of a child: what is closed when it has ended."""
        self._wakes, self._woken = os.pipe()
        for each in (self._wakes, self._woken):
            os.set_blocking(each, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)

    def run(self) -> None:
        """Fork as often as somebody asks."""
        control = self._control.fileno()
        while True:
            ready, _, _ = select.select([control, self._wakes], [], [])
            if self._wakes in ready:
                os.read(self._wakes, 4096)
                self._reap()
            if control in ready:
                asked, given, _, _ = socket.recv_fds(self._control, 1, _DESCRIPTORS)
                if not asked:
                    return
                self._fork(socket.socket(fileno=given[0]), given[1], given[2])

    def _reap(self) -> None:
        while self._ended:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            os.close(self._ended.pop(pid))

    def _fork(self, ours: socket.socket, errors: int, ended: int) -> None:
        with ours:
            try:
                (length,) = _LENGTH.unpack(_exactly(ours, _LENGTH.size))
                surroundings: Surroundings = pickle.loads(_exactly(ours, length))
            except (EOFError, ConnectionError):  # who asked has given up
                os.close(errors)
                os.close(ended)
                return
            modules, sys.path[:], environ, folder = surroundings
            for module in modules:
                # What cannot be imported here is told by who needs it.
                with contextlib.suppress(Exception):
                    importlib.import_module(module)
            pid = os.fork()
            if not pid:
                os.close(ended)
                self._become(ours, errors, environ, folder)
            os.close(errors)
            self._ended[pid] = ended

    def _become(
        self, ours: socket.socket, errors: int, environ: dict[str, str], folder: str
    ) -> NoReturn:
        """Be a child."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for each in (self._wakes, self._woken, *self._ended.values()):
                os.close(each)
            # What a store prints is read by whoever reads errors.
            os.dup2(errors, sys.stdout.fileno())
            os.dup2(errors, sys.stderr.fileno())
            os.close(errors)
            os.environ.clear()
            os.environ.update(environ)
            os.chdir(folder)
            asyncio.run(_serve(ours))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


def main() -> None:
    """Fork until the input ends."""
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as control:
        _Forks(control).run()


if __name__ == "__main__":
    main()
