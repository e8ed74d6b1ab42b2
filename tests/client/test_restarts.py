"""The client outlives the exchange: killed and started again, nothing is doubled, lost or stale."""

from __future__ import annotations

import asyncio
import socket
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from pmengine.client import Client, Mine, NewMarket, NewOrder
from tests.client.orders import buy
from tests.trips.exchange_process import ExchangeProcess

KILLS = 2
TRADERS = 3
WAIT_S = 90.0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def held(mine: Mine) -> tuple[Decimal, Decimal]:
    """The cash that is mirrored."""
    cash = mine.balances["cash"]
    return cash.available, cash.frozen


@pytest.mark.crash
async def test_orders_and_books_go_on_over_kill_nine(tmp_path: Path) -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}")
    chance = Random(seed)
    port = free_port()
    data = tmp_path / "data"
    process = ExchangeProcess(data, port)
    placed: list[NewOrder] = []
    wanted = asyncio.Event()

    async def trade() -> None:
        while not wanted.is_set():
            order = buy(
                side=chance.choice(["buy", "sell"]),
                price=Decimal(chance.randint(45, 55)) / 100,
                self_trade="none",
            )
            placed.append(order)
            await client.place(order)

    await process.start()
    try:
        await process.ready()
        url = f"http://127.0.0.1:{port}"
        async with Client(url, user_id="u1", deadline_s=WAIT_S, attempt_s=3) as client:
            await client.add_event(1, {1: NewMarket(token_ids=("y1", "n1"))})
            await client.deposit("u1", 10_000)
            await client.split(1000, event_id=1, market_id=1)
            async with client.book(1, 1) as book, client.mine() as mine:
                changes = book.changes()
                traders = [asyncio.create_task(trade()) for _ in range(TRADERS)]
                for kill in range(KILLS):
                    async with asyncio.timeout(WAIT_S):
                        while len(placed) < (kill + 1) * 20:
                            await asyncio.sleep(0.01)
                    await process.kill()
                    async with asyncio.timeout(WAIT_S):
                        async for change in changes:
                            if change.kind == "stale":
                                break
                    assert not book.is_live
                    process = ExchangeProcess(data, port)
                    await process.start()
                    await process.ready()
                    await book.live(WAIT_S)
                wanted.set()
                await asyncio.gather(*traders)
                depth = await client.depth(1, 1)
                async with asyncio.timeout(WAIT_S):
                    while not book.is_live or book.update_id < depth.update_id:
                        await asyncio.sleep(0.01)
                assert book.depth() == depth
                resting = {one.id async for one in client.orders(status="active")}
                cash = (await client.account()).cash
                newest = (cash.available, cash.frozen)
                async with asyncio.timeout(WAIT_S):
                    while not mine.is_live or mine.orders.keys() != resting or held(mine) != newest:
                        await asyncio.sleep(0.01)
            there = [str(one.client_order_id) async for one in client.orders()]
            assert sorted(there) == sorted(one.client_order_id for one in placed)
    finally:
        await process.kill()
