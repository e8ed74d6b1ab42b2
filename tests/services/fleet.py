"""The services as real processes on a real Redis: started, killed, frozen, by their own ids."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from pmstore.testing.servers import PostgresServer, RedisServer
from tests.mortal import PMENGINE

START_S_MAX = 120.0
STOP_S_MAX = 90.0
_ANSWER_S_MAX = 30.0
_OURS = ("PMSTORE_", "ENGINE_", "API_", "STORE_", "SERVICE_", "DATABASE_", "REDIS_", "LOG_")


class ServiceProcess:
    """
    `pmengine run NAME…` with an environment of its own.

    Attributes:
        health: Where it tells its health, known after `started`.
        said: What it wrote to its error output.
    """

    def __init__(self, names: str, folder: Path, environ: Mapping[str, str]) -> None:
        self.names = names
        self.health = ""
        self.said = folder / f"{names.replace(' ', '-')}-{len(list(folder.iterdir()))}.txt"
        self._folder = folder
        self._environ = environ

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self._process.returncode is not None

    async def start(self) -> None:
        """Start it; it tells its health already, and is not ready yet."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        with self.said.open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", PMENGINE, "run", *self.names.split(), "--port", "0"),
                cwd=self._folder,
                env=environ | dict(self._environ),
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
            )
        try:
            self.health = await self._said_where()
        except BaseException:
            await self.kill()
            raise

    async def _said_where(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(START_S_MAX):
            line = (await self._process.stdout.readline()).decode()
        words = [word for word in line.split() if word.startswith("http://")]
        assert words, f"{self.names} did not start: {line!r}\n{self.text()[-4000:]}"
        return words[0].removesuffix("/ready")

    def text(self) -> str:
        """What it said so far."""
        return self.said.read_text(encoding="utf-8")

    async def vitals(self) -> dict[str, Any]:
        """What `/ready` answers."""
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.get(f"{self.health}/ready", timeout=_ANSWER_S_MAX)
        return dict(answer.json())

    async def ready(self) -> None:
        """Wait until all of its services do their work."""
        for name in self.names.split():
            await self.until(name, ready=True)

    async def until(self, service: str, **wanted: Any) -> dict[str, Any]:
        """Wait until *service* is as *wanted* (`lag`, `role`, …); what it says then."""
        async with asyncio.timeout(START_S_MAX):
            while True:
                ended = self._process.returncode is not None
                assert not ended, f"{self.names} ended: {self.text()[-4000:]}"
                told: dict[str, Any]
                try:
                    services = (await self.vitals())["services"]
                except httpx.TransportError:  # it is slow, or ends just now
                    await asyncio.sleep(0.05)
                    continue
                [told] = [one for one in services if one["service"] == service]
                if all(told[name] == value for name, value in wanted.items()):
                    return told
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """kill -9, wherever it is."""
        self.strike()
        await self._process.wait()

    def strike(self) -> None:
        """The same, without waiting until it is gone."""
        if self._process.returncode is None:
            self._process.kill()

    def freeze(self) -> None:
        """SIGSTOP: it holds its connections and does nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    async def ended(self) -> int:
        """Wait until it ends by itself; its exit code."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end as an operator does; it must end well."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S_MAX):
            code = await self._process.wait()
        assert code == 0, f"{self.names} ended with {code}: {self.text()[-4000:]}"


class Fleet:
    """
    Processes of one deployment; leaving kills what still runs.

    Args:
        folder: Where they run, and what they say is kept.
        environ: What makes them one deployment.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._processes: list[ServiceProcess] = []

    async def run(self, names: str, **environ: str) -> ServiceProcess:
        """Start `pmengine run` with *names* (`engine`, `relay store`)."""
        process = ServiceProcess(names, self._folder, self.environ | environ)
        await process.start()
        self._processes.append(process)
        return process

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # All of them before anything is waited for: a wait may be cancelled.
        for process in self._processes:
            process.strike()
        for process in self._processes:
            await process.kill()


def over_both(
    redis: RedisServer, postgres: PostgresServer, database: str, **more: str
) -> dict[str, str]:
    """The environment of a deployment on a Redis and a PostgreSQL of its own."""
    return over_redis(
        redis.host,
        redis.port,
        DATABASE_ENABLED="true",
        DATABASE_HOST=postgres.host,
        DATABASE_PORT=str(postgres.port),
        DATABASE_NAME=database,
        DATABASE_USER=postgres.user,
        DATABASE_PASSWORD=postgres.password,
        **more,
    )


def over_redis(host: str, port: int, **more: str) -> dict[str, str]:
    """The environment of a deployment on one Redis and no database."""
    return {
        "REDIS_ENABLED": "true",
        "REDIS_HOST": host,
        "REDIS_PORT": str(port),
        "API_PORT": "0",
        "STORE_SNAPSHOT_INTERVAL_SECONDS": "0.5",
        **more,
    }
