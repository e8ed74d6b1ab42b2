"""`pmengine run store` beside another engine on a real Redis: killed, and started again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from pmstore.backends.file import FileSnapshotStore
from pmstore.testing.servers import RedisServer
from tests.services.fleet import Fleet, over_redis
from tests.services.rig import DEADLINE_S
from tests.services.test_foreign_store import EVENT, created, ended

SEVERAL_FIELDS = {"store_key": "{}", "more": "{}"}


@pytest.mark.crash
async def test_killed_at_any_moment_it_has_every_change_of_the_other_engine(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(
            server.host,
            server.port,
            STORE_FOREIGN="true",
            STORE_ON_BAD_ENTRY="dead_letter",
            STORE_BATCH_SIZE="7",
            PMSTORE_SNAPSHOTS_URL=f"file:{tmp_path / 'store'}",
        )
        redis = Redis(host=server.host, port=server.port)
        async with redis, Fleet(folder, environ) as fleet:

            async def say(document: object) -> str:
                return str((await redis.xadd("store_stream", _entry(document))).decode())

            await say(EVENT)
            last = bad = ""
            for run in range(3):
                process = await fleet.run("store")
                for number in range(100 * run + 1, 100 * run + 51):
                    last = await say(created(number))
                    if number % 2:
                        last = await say(ended("OrderFilled", number))
                await process.until("store", position=last)
                if run == 1:
                    bad = last = str((await redis.xadd("store_stream", SEVERAL_FIELDS)).decode())
                    await process.until("store", position=last)
                await process.kill()
            process = await fleet.run("store")
            await process.until("store", position=last)
            await process.stop()
            letters = await redis.xrange("dead_letter_stream")
            assert {json.loads(*entry.values())["position"] for _, entry in letters} == {bad}
        async with FileSnapshotStore(tmp_path / "store", readonly=True) as snapshots:
            snapshot = await snapshots.load()
        assert snapshot is not None
        assert str(snapshot.last_message_id) == last
        expected = {f"order_{100 * run + n}" for run in range(3) for n in range(1, 51) if not n % 2}
        assert {order.id for order in snapshot.orders} == expected
        assert list(snapshot.skipped) == [bad]


async def test_a_store_service_that_was_not_told_of_the_other_engine_says_what_to_set(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(
            server.host, server.port, PMSTORE_SNAPSHOTS_URL=f"file:{tmp_path / 'store'}"
        )
        async with (
            Redis(host=server.host, port=server.port) as redis,
            Fleet(tmp_path / "fleet", environ) as fleet,
            asyncio.timeout(DEADLINE_S),
        ):
            await redis.xadd("store_stream", _entry(EVENT))
            process = await fleet.run("store")
            assert await process.ended() == 4
            assert "It was written by another engine: with STORE_FOREIGN=true" in process.text()


async def test_nothing_else_runs_on_the_stream_of_another_engine(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        environ = over_redis(server.host, server.port, STORE_FOREIGN="true")
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            for names in ("engine", "store relay"):
                with pytest.raises(AssertionError, match="STORE_FOREIGN: another engine writes"):
                    async with asyncio.timeout(DEADLINE_S):
                        await fleet.run(names)


def _entry(document: object) -> dict[str, str]:
    return {"store_key": json.dumps(document)}
