"""Whatever is killed, frozen or cut off, in any order: what was answered is there, once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from random import Random, SystemRandom

import pytest

from pmstore.testing.servers import PostgresServer, RedisServer, free_port
from tests.services.chaos import Chaos, check_derived, found_in, storage_of, trade_on
from tests.services.fleet import Fleet, over_both
from tests.trips.recovered_folder import check_told
from tests.trips.traders import Traders

SHORT_S = 10.0
LONG_S = 600.0


def seed_from_environment() -> int:
    """`CHAOS_SEED`, else a new one; it is printed, so that a run can be repeated."""
    seed = int(os.environ.get("CHAOS_SEED") or SystemRandom().randrange(2**32))
    print(f"CHAOS_SEED={seed}")
    return seed


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_what_was_answered_outlives_chaos(tmp_path: Path) -> None:
    await chaos(tmp_path, SHORT_S)


@pytest.mark.soak
@pytest.mark.timeout(1_200)
async def test_what_was_answered_outlives_ten_minutes_of_chaos(tmp_path: Path) -> None:
    await chaos(tmp_path, LONG_S)


async def chaos(folder: Path, seconds: float) -> None:
    """Trade through *seconds* of it, then see what there is."""
    seed = seed_from_environment()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    traders = Traders(Random(seed))
    with RedisServer(folder / "redis") as redis, PostgresServer(folder / "postgres") as postgres:
        postgres.create_database("exchange")
        environ = over_both(
            redis,
            postgres,
            "exchange",
            API_PORT=str(port),
            API_ORDER_TIMEOUT_SECONDS="60",
            ENGINE_VERIFY="stop",
        )
        async with Fleet(folder / "fleet", environ) as fleet:
            world = Chaos(Random(seed), fleet, redis, postgres)
            await world.start()
            await traders.set_up(url)
            trading = asyncio.create_task(trade_on(traders, url))
            await world.rage(seconds)
            trading.cancel()
            await asyncio.gather(trading, return_exceptions=True)
            await world.calm()
            found = await found_in(storage_of(redis, postgres, folder))
            check_told(found, traders.orders)
            await check_derived(storage_of(redis, postgres, folder), found)
            answered = [one for one in traders.orders.values() if one.answered]
            await traders.ask_again(url, answered[-10:])
            await world.stop()
            print(f"{len(traders.orders)} orders, {len(answered)} answered, {world.faults}")
            assert world.gave_up == []
        verified = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", "from pmengine.cli import main; main()", "verify"],
            cwd=folder,
            env=os.environ | environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert verified.returncode == 0, verified.stdout[-4000:] + verified.stderr[-4000:]
