"""
A process that writes and reads through a stack, and reports what it saw: `python -m … URL …`.

It writes its own keys and reads everybody's. On the standard input `quiet` ends the load,
`read` asks for one look at every key, `end` ends it. Every line of the report is written
before the next step, so that it survives the process.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import pmstore
from pmstore.protocols import OrderStore
from tests.stack.records import keys_of, order_of

WRITERS = 3
READERS = 3
VERSIONS_PER_LIFE = 1_000_000


class Worker:
    def __init__(self, orders: OrderStore, name: str, everybody: list[str], life: int) -> None:
        self.orders = orders
        self.name = name
        self.everybody = everybody
        self.first_version = life * VERSIONS_PER_LIFE
        self.loading = True

    async def write(self, keys: list[str], chance: random.Random) -> None:
        """Save and remove *keys*, each version once, until the load ends."""
        version = self.first_version
        while self.loading:
            version += 1
            chosen = chance.sample(keys, chance.randint(1, min(8, len(keys))))
            gone = chance.random() < 0.15
            say(e="send", at=time.monotonic(), keys=chosen, version=version, gone=gone)
            try:
                if gone:
                    await self.orders.remove([(key, version) for key in chosen])
                else:
                    await self.orders.save([order_of(key, version) for key in chosen])
            except pmstore.StoreUnavailable as error:
                say(e="refused", at=time.monotonic(), outcome=error.outcome.value, why=str(error))
                await asyncio.sleep(0.01)
            else:
                say(e="ack", at=time.monotonic(), keys=chosen, version=version)
            await asyncio.sleep(chance.random() * 0.01)

    async def look(self, chance: random.Random) -> None:
        """Read some keys, or all of one worker's, until the load ends."""
        while self.loading:
            worker = chance.choice(self.everybody)
            try:
                if chance.random() < 0.2:
                    await self.list(worker)
                else:
                    keys = [key for name in self.everybody for key in keys_of(name)]
                    await self.get(chance.sample(keys, chance.randint(1, 10)))
            except pmstore.StoreUnavailable as error:
                say(e="unread", at=time.monotonic(), why=str(error))
                await asyncio.sleep(0.01)
            await asyncio.sleep(chance.random() * 0.004)

    async def get(self, keys: list[str]) -> None:
        began = time.monotonic()
        found = await self.orders.get(keys)
        seen(began, keys, found, "get")

    async def list(self, worker: str) -> None:
        began = time.monotonic()
        query = pmstore.OrderQuery(user_id=worker, limit=1000)
        page = await self.orders.find(query)
        seen(began, keys_of(worker), {order.id: order for order in page.items}, "find")

    async def look_at_everything(self) -> None:
        for worker in self.everybody:
            await self.get(keys_of(worker))
            await self.list(worker)


def seen(began: float, keys: list[str], found: dict[str, pmstore.Order], how: str) -> None:
    """Report a read: -1 where nothing was found."""
    ended = time.monotonic()
    for key, order in found.items():
        if order != order_of(key, order.version):
            say(e="invented", at=ended, keys=[key], why=repr(order))
    versions = [found[key].version if key in found else -1 for key in keys]
    say(e="read", began=began, at=ended, keys=keys, versions=versions, how=how)


def say(**line: Any) -> None:
    os.write(REPORT, json.dumps(line).encode() + b"\n")


async def main(url: str, name: str, everybody: list[str], life: int, seed: int) -> None:
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    async with pmstore.open_order_store(url) as orders:
        worker = Worker(orders, name, everybody, life)
        keys = keys_of(name)
        async with asyncio.TaskGroup() as tasks:
            for number in range(WRITERS):
                chance = random.Random(f"{seed} {name} {life} writer {number}")
                tasks.create_task(worker.write(keys[number::WRITERS], chance))
            for number in range(READERS):
                chance = random.Random(f"{seed} {name} {life} reader {number}")
                tasks.create_task(worker.look(chance))
            answer("loading")
            while (await stdin.readline()).strip() not in (b"quiet", b""):
                pass
            worker.loading = False
        answer("quiet")
        while (await stdin.readline()).strip() == b"read":
            await worker.look_at_everything()
            answer("read")


def answer(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _, url, name, everybody, life, seed, report = sys.argv
    REPORT = os.open(Path(report), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    asyncio.run(main(url, name, everybody.split(","), int(life), int(seed)))
