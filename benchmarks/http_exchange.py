"""`pmengine up` as a process with a processor of its own, and what it uses of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pmengine.settings import Settings
from pmstore.settings import settings_of

START_S_MAX: Final = 60.0
STOP_S_MAX: Final = 60.0
HOST: Final = "127.0.0.1"
_PROGRAM: Final = "from pmengine.cli import main; main()"
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


@contextmanager
def one_processor_each() -> Iterator[tuple[set[int], set[int]]]:
    """
    A processor for the exchange, and one for this process, which moves there for the block.

    Where there is only one they share it.
    """
    usual = os.sched_getaffinity(0)
    first, *others = sorted(usual)
    own = {others[0]} if others else {first}
    os.sched_setaffinity(0, own)
    try:
        yield {first}, own
    finally:
        os.sched_setaffinity(0, usual)


class ServedExchange:
    """
    The embedded exchange as it is started by hand, without settings; leaving kills it.

    Args:
        folder: Where its data is.
        processors: What it may run on.
    """

    def __init__(self, folder: Path, processors: set[int], *program: str) -> None:
        self._folder = folder
        self._processors = processors
        self._program = program or ("-c", _PROGRAM, "up", "--port", "0")
        ours = {one.name for one in settings_of(Settings)}
        self._environ = {key: value for key, value in os.environ.items() if key not in ours}
        self._environ["PYTHONUNBUFFERED"] = "1"

    def __enter__(self) -> Self:
        usual = os.sched_getaffinity(0)
        # Inherited: so all of its threads are there from the first on.
        os.sched_setaffinity(0, self._processors)
        try:
            self._said = (self._folder / "said.txt").open("wb")
            self._process = subprocess.Popen(
                [sys.executable, *self._program],
                cwd=self._folder,
                env=self._environ,
                stdout=subprocess.PIPE,
                stderr=self._said,
                text=True,
            )
        finally:
            os.sched_setaffinity(0, usual)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = [word for word in line.split() if word.startswith("http://")]
        if not found:
            raise RuntimeError(f"it does not start:\n{self._last_words()}")
        self.port = int(found[0].removeprefix(f"http://{HOST}:").partition("/")[0])
        self._wait_until_ready()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._said.close()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def kill(self) -> None:
        """End it as a loss of power would, but for the disk: nothing is said before."""
        self._process.kill()
        self._process.wait()

    def processor_s(self) -> float:
        """The processor time that it has had, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND

    def memory_bytes(self) -> int:
        """What it holds in memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                with urllib.request.urlopen(f"http://{HOST}:{self.port}/ready", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError(f"it is never ready:\n{self._last_words()}") from None
                time.sleep(0.05)  # before it is asked again

    def _last_words(self) -> str:
        return (self._folder / "said.txt").read_text()[-2000:]
