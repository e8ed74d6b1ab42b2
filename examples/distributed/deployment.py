"""A Redis, a PostgreSQL and every service as a process, in one folder that is removed after it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, Final

import httpx

from pmengine.processes.catalogue import SERVICES
from pmengine.settings import Settings
from pmstore.settings import settings_of
from pmstore.testing.servers import PostgresServer, RedisServer, free_port

ENV_FILE: Final = Path(__file__).parents[2] / "deploy" / ".env.distributed"
START_S_MAX: Final = 120.0
STOP_S_MAX: Final = 15.0
LOOK_S: Final = 0.05
SHOWN_CHARACTERS: Final = 3_000

_PROGRAM: Final = "from pmengine.cli import main; main()"


class Broken(Exception):
    """The deployment does not do what it should; the message says what it did."""


class Process:
    """
    `pmengine run NAME`.

    Attributes:
        name: Of the service.
        health: Where it tells its health.
    """

    def __init__(
        self,
        name: str,
        log: Path,
        running: asyncio.subprocess.Process,
        client: httpx.AsyncClient,
    ) -> None:
        self.name = name
        self.health = ""
        self._log = log
        self._running = running
        self._client = client

    @property
    def pid(self) -> int:
        """Its id."""
        return self._running.pid

    async def told(self) -> dict[str, Any]:
        """What it says of its service now; raises `Broken` if it has ended."""
        if self._running.returncode is not None:
            raise Broken(f"{self.name} ended with {self._running.returncode}:\n{self.said()}")
        answer = await self._client.get(f"{self.health}/ready")
        [told] = answer.json()["services"]
        return dict(told)

    async def until(self, **wanted: Any) -> dict[str, Any]:
        """Wait until it is as *wanted* (`ready`, `role`, `lag`); what it says then."""
        try:
            async with asyncio.timeout(START_S_MAX):
                while True:
                    told = await self.told()
                    if all(told[name] == value for name, value in wanted.items()):
                        return told
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise Broken(f"{self.name} is not {wanted}:\n{self.said()}") from None

    async def listening(self) -> None:
        """Wait until it tells its health; it is not ready yet."""
        assert self._running.stdout is not None
        line = (await self._running.stdout.readline()).decode()
        words = [word for word in line.split() if word.startswith("http://")]
        if not words:
            raise Broken(f"{self.name} did not start: {line}\n{self.said()}")
        self.health = words[0].removesuffix("/ready")

    async def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._running.returncode is None:
            self._running.kill()
        await self._running.wait()

    async def stop(self) -> None:
        """Ask it to end, and kill it if it does not."""
        if self._running.returncode is None:
            self._running.terminate()
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await self._running.wait()
        except TimeoutError:
            await self.kill()

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text(encoding="utf-8")[-SHOWN_CHARACTERS:]


class Deployment:
    """
    The services on servers of their own; its processes are stopped by `stop`.

    Args:
        folder: Where everything runs, and writes what it says.
        redis: For the streams and caches.
        postgres: For orders, trades, accounts, events and snapshots.
    """

    def __init__(self, folder: Path, redis: RedisServer, postgres: PostgresServer) -> None:
        self.processes: list[Process] = []
        self._folder = folder
        self._client = httpx.AsyncClient(timeout=START_S_MAX, trust_env=False)
        api_port = free_port()
        self.url = f"http://127.0.0.1:{api_port}/api/v1"
        postgres.create_database("matching_engine")
        self._environ = own_environ() | {
            "REDIS_HOST": redis.host,
            "REDIS_PORT": str(redis.port),
            "DATABASE_HOST": postgres.host,
            "DATABASE_PORT": str(postgres.port),
            "DATABASE_USER": postgres.user,
            "DATABASE_PASSWORD": postgres.password,
            "API_PORT": str(api_port),
            "WEBSOCKET_DEPTH_PORT": "0",
            "WEBSOCKET_USER_PORT": "0",
            "ASSET_PORT": "0",
            "SERVICE_PORT": "0",
        }

    async def start(self) -> None:
        """Start every service, the engine twice, and wait until they do their work."""
        for name in ("engine", *SERVICES):
            log = self._folder / f"{len(self.processes)}-{name}.log"
            running = await self._pmengine(log, "run", name)
            self.processes.append(Process(name, log, running, self._client))
        for one in self.processes:
            await one.listening()
        for one in self.processes:
            await one.until(ready=True)

    async def leader(self) -> tuple[Process, Process]:
        """The engine that leads, and the one that stands by."""
        engines = [one for one in self.processes if one.name == "engine"]
        async with asyncio.timeout(START_S_MAX):
            while True:
                roles = {(await one.told())["role"]: one for one in engines}
                if {"leader", "standby"} <= set(roles):
                    return roles["leader"], roles["standby"]
                await asyncio.sleep(LOOK_S)

    async def kill(self, process: Process) -> None:
        """SIGKILL it; it is not restarted."""
        self.processes.remove(process)
        await process.kill()

    async def lags(self) -> dict[str, int]:
        """By how many entries of the log each service is behind."""
        told = await asyncio.gather(*[one.told() for one in self.processes])
        return {one["service"]: one["lag"] or 0 for one in told if one["role"] != "standby"}

    async def verify(self) -> tuple[int, str]:
        """What `pmengine verify` ends with, and what it says."""
        log = self._folder / "verify.log"
        verifying = await self._pmengine(log, "verify")
        try:
            said, _ = await verifying.communicate()
        except asyncio.CancelledError:
            verifying.kill()
            raise
        return await verifying.wait(), said.decode() + log.read_text(encoding="utf-8")

    async def stop(self) -> None:
        """Stop every process, all at the same time."""
        await asyncio.gather(*[one.stop() for one in self.processes])
        await self._client.aclose()

    async def _pmengine(self, log: Path, *words: str) -> asyncio.subprocess.Process:
        with log.open("wb") as said:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _PROGRAM, *words, "--env", str(ENV_FILE)),
                cwd=self._folder,
                env=self._environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
                # Ctrl-C is for the demonstration, which stops them in its own order.
                start_new_session=True,
            )


def own_environ() -> dict[str, str]:
    """The environment without what it says of an exchange."""
    ours = {one.name for one in settings_of(Settings)}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(("PMSTORE_", "ENGINE_"))
    }
