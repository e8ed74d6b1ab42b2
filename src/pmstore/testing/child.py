"""
Runs in another process: opens a store, and does with it what its parent says.

Imports nothing of the kit, so that it starts as fast as the store does. Requests come on the
standard input and answers leave on what was the standard output, as pickles with their
length before them. The first request is `module:factory` and its arguments, which may be
secrets and therefore stand on no command line. Ends when its input does; answers while it
works on other requests.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pickle
import struct
import sys
from operator import attrgetter
from typing import Any, Final

_LENGTH: Final = struct.Struct("!I")


def _portable(error: BaseException) -> tuple[type[BaseException], tuple[Any, ...], dict[str, Any]]:
    """An error as its parts: not every constructor takes `args` alone."""
    return (type(error), error.args, dict(error.__dict__))


class _Answers:
    """Writes answers, each in one piece."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def send(self, answer: object) -> None:
        try:
            text = pickle.dumps(answer)
        except Exception as error:
            text = pickle.dumps((None, _portable(RuntimeError(f"{answer!r}: {error}"))))
        left = memoryview(_LENGTH.pack(len(text)) + text)
        while left:
            left = left[os.write(self._fd, left) :]


async def _received(requests: asyncio.StreamReader) -> Any:
    (length,) = _LENGTH.unpack(await requests.readexactly(_LENGTH.size))
    return pickle.loads(await requests.readexactly(length))


async def _serve(answers: _Answers) -> None:
    requests = asyncio.StreamReader(limit=2**26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    factory, *arguments = await _received(requests)
    module, _, name = factory.partition(":")
    try:
        store: Any = attrgetter(name)(importlib.import_module(module))(*arguments)
        await store.__aenter__()
    except Exception as error:
        answers.send((None, _portable(error)))
        return
    answers.send((None, None))
    work: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                request = await _received(requests)
            except asyncio.IncompleteReadError:
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


def main() -> None:
    """Serve until the input ends."""
    # What a store prints must not come between the answers.
    answers = _Answers(os.dup(sys.stdout.fileno()))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asyncio.run(_serve(answers))


if __name__ == "__main__":
    main()
