"""A stack outlives an outage of its truth: it listens again, and leaving it is no error."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pmstore import StoreUnavailable, TradeQuery, open_trade_store
from pmstore.testing.servers import RedisServer

DEADLINE_S = 60.0


async def test_a_window_whose_truth_was_gone_is_asked_again(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        async with open_trade_store(f"memory://?recent=1000 > {server.url}") as trades:
            server.kill()
            gone = False
            async with asyncio.timeout(DEADLINE_S):
                while not gone:
                    try:
                        await trades.find(TradeQuery())
                    except StoreUnavailable:
                        gone = True
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)  # what listens has tried in vain by then
            server.restart()
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    try:
                        assert not (await trades.find(TradeQuery())).items
                        break
                    except StoreUnavailable:
                        await asyncio.sleep(0.02)
