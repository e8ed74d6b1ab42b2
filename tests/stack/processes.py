"""The processes that use one stack at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

from tests.stack.history import History

_ROOT = Path(__file__).parents[2]
_ANSWER_S_MAX = 60.0


class StackProcess:
    """One worker; killed and started again it is another life of the same worker."""

    def __init__(self, name: str, url: str, everybody: list[str], folder: Path, seed: int) -> None:
        self.name = name
        self.url = url
        self.reports: dict[str, Path] = {}
        self._everybody = everybody
        self._folder = folder
        self._seed = seed
        self._process: asyncio.subprocess.Process | None = None

    @property
    def life(self) -> str:
        """Which life it is in now."""
        return f"{self.name}.{len(self.reports)}"

    async def start(self) -> None:
        """Begin the load."""
        number = len(self.reports) + 1
        report = self._folder / f"{self.name}.{number}.ndjson"
        self.reports[f"{self.name}.{number}"] = report
        with (self._folder / f"{self.name}.said").open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.stack.worker", self.url, self.name),
                *(",".join(self._everybody), str(number), str(self._seed), report),
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
            )
        await self._expect("loading")

    async def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def quiet(self) -> None:
        """End the load, and wait until its calls have ended."""
        await self._ask("quiet", "quiet")

    async def read(self) -> None:
        """Let it look at every key once."""
        await self._ask("read", "read")

    async def end(self) -> None:
        """Let it close its stack."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(_ANSWER_S_MAX):
            assert await self._process.wait() == 0, self._said()

    async def _ask(self, word: str, answer: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        await self._process.stdin.drain()
        await self._expect(answer)

    async def _expect(self, answer: str) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(_ANSWER_S_MAX):
            line = (await self._process.stdout.readline()).decode().strip()
        assert line == answer, f"{self.name} answered {line!r}\n{self._said()}"

    def _said(self) -> str:
        return (self._folder / f"{self.name}.said").read_text(errors="replace")[-4000:]


class Crew:
    """All workers of a test."""

    def __init__(self, workers: list[StackProcess]) -> None:
        self.workers = workers

    async def __aenter__(self) -> Crew:
        try:
            await asyncio.gather(*(worker.start() for worker in self.workers))
        except BaseException:
            await self._kill()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._kill()

    async def _kill(self) -> None:
        for worker in self.workers:
            with contextlib.suppress(AssertionError):
                await worker.kill()

    def history(self) -> History:
        """What all lives of all workers have seen so far."""
        return History({life: path for one in self.workers for life, path in one.reports.items()})
