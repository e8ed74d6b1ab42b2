"""Streams in Redis: conditional appends and reads next to hand-written calls of redis-py."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from benchmarks.measuring import Advance, Figure, Stopwatch, rate, ratio
from pmstore.backends.redis import RedisStream, redis_config
from pmstore.models.position import EMPTY, START, Entry
from pmstore.testing.servers import RedisServer
from pmstore.url import parse_url

APPENDED: Final = 20_000
"""Entries of a batched run; single ones and large ones are a part of it."""
BATCH: Final = 100
LARGE_PART: Final = 10
"""One large entry for so many small ones."""
LARGE: Final = 50_000
"""Bytes of an entry of the engine's log: a hundred commands with their facts."""
SMALL: Final = LARGE // BATCH
APPEND_LEAST: Final = 1.5
READ_LEAST: Final = 0.8
"""Of small entries; what large ones cost is the copying of them, into Lua and out of it."""
_FIELD: Final = "store_key"


def measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    """Rates of *count* small entries and their part of large ones, ours and redis-py's in turn."""
    return asyncio.run(_measure(count, repeats, advance))


async def _measure(count: int, repeats: int, advance: Advance) -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        # Without its disk: both sides would wait for the same one.
        options = ("--appendonly", "no")
        with RedisServer(Path(folder) / "server", options=options) as server:
            for size, entries, batch in (
                (LARGE, count // LARGE_PART, 1),
                (LARGE, count // LARGE_PART, BATCH),
                (SMALL, count, BATCH),
            ):
                runs = [Stopwatch() for _ in range(4)]
                for turn in range(repeats):
                    await _ours(server, f"{turn}", bytes(size), entries, batch, *runs[:2])
                    await _theirs(server, bytes(size), entries, batch, *runs[2:])
                figures += _figures(size, batch, *runs)
                advance()
    return figures


async def _ours(
    server: RedisServer,
    prefix: str,
    payload: bytes,
    count: int,
    batch: int,
    append: Stopwatch,
    read: Stopwatch,
) -> None:
    config = redis_config(parse_url(f"{server.url}?prefix={prefix}&timeout_s=30"))
    async with RedisStream(config, "store_stream") as stream:
        head = EMPTY
        with append.work(count):
            for _ in range(0, count, batch):
                last = await stream.append([payload] * batch, expect_head=head, epoch=1)
                head = Entry(last, payload).head
        after, found = START, 0
        with read.work(count):
            while entries := await stream.read(after, BATCH):
                after, found = entries[-1].id, found + len(entries)
        assert found == count
    await _flush(server)


async def _theirs(
    server: RedisServer,
    payload: bytes,
    count: int,
    batch: int,
    append: Stopwatch,
    read: Stopwatch,
) -> None:
    async with Redis(host=server.host, port=server.port, protocol=2) as client:
        with append.work(count):
            for _ in range(0, count, batch):
                if batch == 1:
                    await client.xadd("theirs", {_FIELD: payload})
                else:
                    async with client.pipeline(transaction=True) as pipe:
                        for _ in range(batch):
                            pipe.xadd("theirs", {_FIELD: payload})
                        await pipe.execute()
        after, found = b"-", 0
        with read.work(count):
            while entries := await client.xrange("theirs", min=after, count=BATCH):
                after, found = b"(" + entries[-1][0], found + len(entries)
        assert found == count
    await _flush(server)


async def _flush(server: RedisServer) -> None:
    async with Redis(host=server.host, port=server.port, protocol=2) as client:
        await client.flushall()


def _figures(
    size: int,
    batch: int,
    append: Stopwatch,
    read: Stopwatch,
    their_append: Stopwatch,
    their_read: Stopwatch,
) -> list[Figure]:
    rival = "XADD" if batch == 1 else "MULTI, XADD each, EXEC in one pipeline"
    name = f"redis append {batch} x {size:,} B"
    figures = [
        rate(name, append.runs, detail="an operation is an entry"),
        ratio(
            f"{name} / raw",
            append.runs,
            their_append.runs,
            at_least=APPEND_LEAST if size == SMALL else None,
            detail=f"ours compares head and epoch; redis-py sends {rival} and compares nothing",
        ),
    ]
    if batch > 1:
        figures.append(
            ratio(
                f"redis read {batch} x {size:,} B / raw",
                read.runs,
                their_read.runs,
                at_least=READ_LEAST if size == SMALL else None,
                detail="the rival is XRANGE by redis-py",
            )
        )
    return figures
