"""Does a piece of work in a copy of this process, whose memory is this one's at that moment."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import Final, NoReturn

CAN_COPY: Final = sys.platform == "linux"
"""Elsewhere a copy of a process with threads cannot do everything that a process can."""

_READ_BYTES: Final = 65_536


class CopyFailed(Exception):
    """The copy ended before it answered; what it did until then is done."""


async def in_copy(work: Callable[[], bytes], within_s: float | None = None) -> bytes:
    """
    What *work* answers in a copy of this process.

    The copy sees everything as it is at this call, and nothing that comes later. Of what is
    open here it has only the answer to give: sockets, files and locks are not the copy's. It
    is killed when its caller is cancelled, and ends itself when this process does.

    Args:
        within_s: How long it may take before it is killed; None for any time.

    Raises:
        CopyFailed: *work* raised, or something killed the copy.
        OSError: There is no room for a copy.

    Cost:
        This process stands still for the copying of its page tables, some 30 ms a gigabyte;
        whatever it or the copy changes after that is copied, a page of memory at a time.
    """
    answer, giving = os.pipe()
    living, life = os.pipe()
    try:
        pid = _fork()
        if not pid:
            _be_the_copy(work, giving, living)
    except OSError:
        os.close(answer)
        os.close(life)
        raise
    finally:
        os.close(giving)
        os.close(living)
    try:
        async with asyncio.timeout(within_s):
            told = await _read_to_end(answer)
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        raise CopyFailed(
            f"a copy of this process (pid {pid}) said nothing for {within_s:g} s and was killed"
        ) from None
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(answer)
        # In a thread: freeing a large memory takes a while.
        waiting = asyncio.to_thread(_wait_for, pid, life)
        status = await asyncio.shield(asyncio.ensure_future(waiting))
    code = os.waitstatus_to_exitcode(status)
    if code:
        raise CopyFailed(f"a copy of this process ended with {code}: {told.decode().strip()}")
    return told


def _fork() -> int:
    with warnings.catch_warnings():
        # That other threads may hold locks: the copy takes none that they could hold, since
        # Python, the system's library and OpenSSL see to theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _wait_for(pid: int, life: int) -> int:
    try:
        return os.waitpid(pid, 0)[1]
    finally:
        os.close(life)


async def _read_to_end(fd: int) -> bytes:
    """Everything that is written to *fd* until the other side closes it."""
    os.set_blocking(fd, False)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    parts: list[bytes] = []

    def read() -> None:
        part = os.read(fd, _READ_BYTES)
        parts.append(part)
        if not part and not ended.done():
            ended.set_result(None)

    loop.add_reader(fd, read)
    try:
        await ended
    finally:
        loop.remove_reader(fd)
    return b"".join(parts)


def _be_the_copy(work: Callable[[], bytes], giving: int, living: int) -> NoReturn:
    """Work, answer and end, without anything of what this process would do at its end."""
    code = 1
    try:
        gc.disable()  # looking at an object would copy the page that it is on
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _let_go_of_files({giving, living})
        threading.Thread(target=_end_with, args=(living,), daemon=True).start()
        answers: list[bytes] = []

        def run() -> None:
            nonlocal code
            try:
                answers.append(work())
                code = 0
            except BaseException:
                answers.append(traceback.format_exc().encode(errors="replace"))

        # A thread of its own has no loop and no task under way.
        working = threading.Thread(target=run)
        working.start()
        working.join()
        with os.fdopen(giving, "wb") as out:
            out.writelines(answers)
    finally:
        os._exit(code)


def _let_go_of_files(kept: set[int]) -> None:
    """
    Close what was open, all but *kept*.

    The numbers stay taken, by nothing: objects that still know them must not come to write
    into what is opened next.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd not in kept and fd != nothing:
            try:
                os.fstat(fd)
            except OSError:
                continue  # what listed the folder
            os.dup2(nothing, fd, inheritable=False)


def _end_with(living: int) -> None:
    """End at once when the process that this is a copy of has ended."""
    os.read(living, 1)
    os._exit(1)
