"""The real exchange as a process of its own on a folder, started, killed and stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.mortal import PMENGINE

START_S_MAX = 120.0
STOP_S_MAX = 90.0
SNAPSHOT_INTERVAL_S = 0.2


class ExchangeProcess:
    """
    `pmengine up` on the stores in *folder*, on *port*, or on a free one.

    `url` is known after `ready`. What it says goes to `<folder>/../said.txt`.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self._port = port
        self.url = ""
        self._said = folder.parent / "said.txt"

    async def start(self) -> None:
        """Start it; it is not ready yet."""
        ours = ("PMSTORE_", "ENGINE_", "API_", "STORE_", "DATABASE_", "REDIS_")
        environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        environ["DATA_DIR"] = str(self.folder)
        environ["STORE_SNAPSHOT_INTERVAL_SECONDS"] = str(SNAPSHOT_INTERVAL_S)
        with self._said.open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", PMENGINE, "up", "--port", str(self._port)),
                cwd=self.folder.parent,
                env=environ,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
            )

    async def ready(self) -> None:
        """Wait until it says where it takes orders."""
        assert self._process.stdout is not None
        async with asyncio.timeout(START_S_MAX):
            line = (await self._process.stdout.readline()).decode()
        words = [word for word in line.split() if word.startswith("http://")]
        if not words:
            said = self._said.read_text(encoding="utf-8")
            raise AssertionError(f"the exchange did not start: {line!r}\n{said[-4000:]}")
        self.url = words[0].removesuffix("/api/v1")

    async def kill(self) -> None:
        """kill -9, wherever it is."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end as an operator does; it must end well."""
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S_MAX):
            code = await self._process.wait()
        assert code == 0, f"it ended with {code}: {self._said.read_text(encoding='utf-8')[-4000:]}"
