"""`pmengine up` as a process of its own, with API keys, that can be killed and started again."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from pmengine.gateways.auth import Scope
from pmengine.processes.key_desk import create_key
from pmengine.settings import Settings
from pmstore.settings import read_settings
from tests.deploy.files import outside
from tests.mortal import PMENGINE as MAIN

START_S_MAX = 90.0


class ExchangeProcess:
    """
    An exchange over *folder*, which keeps its port and its data.

    Args:
        auth: `keys`, or `off`: then the name of a user is enough.

    Attributes:
        auth: As it was given.
        url: Where it is; known once it was started.
        main: The program that it is.
    """

    def __init__(self, folder: Path, *, auth: str = "keys") -> None:
        self._folder = folder
        self._told = {"DATA_DIR": str(folder / "data"), "AUTH": auth}
        self.auth = auth
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""
        self.main = MAIN

    async def key(self, user: str, *scopes: Scope) -> str:
        """A new API key of *user*, which counts within a second; or, without keys, the name."""
        if self.auth == "off":
            return user
        settings = read_settings(Settings, environ=self._told)
        _, text = await create_key(settings, user, scopes)
        return text

    async def start(self) -> None:
        """Start it, and wait until it takes orders."""
        with (self._folder / "said.txt").open("ab") as said:
            self._process = process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", self.main, "up", "--port", str(self._port)),
                cwd=self._folder,
                env=outside() | self._told,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
            )
        assert process.stdout is not None
        async with asyncio.timeout(START_S_MAX):
            line = (await process.stdout.readline()).decode()
            words = [word for word in line.split() if word.startswith("http://")]
            assert words, (self._folder / "said.txt").read_text()
            self.url = words[0].removesuffix("/api/v1")
            self._port = urlsplit(self.url).port or 0
            async with httpx.AsyncClient(
                base_url=self.url, trust_env=False, verify=False
            ) as client:
                while (await client.get("/ready")).status_code != 200:
                    await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """Kill it: nothing is said to anybody."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def end(self) -> None:
        """End it as an operator does, if it runs."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(START_S_MAX):
                await process.wait()
        finally:
            if process.returncode is None:
                await self.kill()


class Asking:
    """Requests to an exchange with one user's key, beside the page."""

    def __init__(self, exchange: ExchangeProcess, key: str) -> None:
        self._exchange = exchange
        self._headers = {"X-API-Key" if exchange.auth == "keys" else "X-User-Id": key}

    async def done(self, method: str, path: str, body: object = None) -> Any:
        """The answer to a request that must be done; a key may not be known at once."""
        async with (
            httpx.AsyncClient(
                base_url=f"{self._exchange.url}/api/v1",
                headers=self._headers,
                trust_env=False,
                # There is no TLS, and to read whom to trust takes longer than a request.
                verify=False,
                timeout=START_S_MAX,
            ) as client,
            asyncio.timeout(START_S_MAX),
        ):
            while True:
                answer = await client.request(method, path, json=body)
                if answer.status_code != 401:
                    break
                await asyncio.sleep(0.05)
        assert answer.is_success, answer.text
        return answer.json()

    async def orders(self, *orders: Sequence[str]) -> None:
        """Place limit orders of market 7/1: side, token, price and quantity of each."""
        for side, token, price, quantity in orders:
            body = {"event_id": 7, "market_id": 1, "token_id": token, "side": side}
            terms = {"type": "limit", "price": price, "quantity": quantity}
            await self.done("POST", "/orders", {**body, **terms})
