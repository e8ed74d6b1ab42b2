"""The market maker of the examples quotes both outcomes, keeps its limit and leaves nothing."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from pmengine.client import Client, Order
from tests.client.orders import buy
from tests.gateways.exchange import Running

PROGRAM = Path(__file__).parents[2] / "examples" / "market_maker.py"
LIMIT = 20
WAIT_S = 60.0
zero = Decimal(0)


@asynccontextmanager
async def making(running: Running, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The market maker as a process; killed at the end if it is there still."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", PROGRAM, "--url", running.url, "--user", "maker"),
        *("--size", "10", "--inventory-max", str(LIMIT), "--session-ms", "4000", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def quotes(client: Client) -> dict[str, Order]:
    """What the maker has in the book, by token."""
    return {one.token_id: one async for one in client.orders(status="active")}


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await holds():
            await asyncio.sleep(0.05)


async def test_it_quotes_keeps_its_limit_and_takes_its_quotes_off(
    client: Client, running: Running
) -> None:
    async with (
        Client(running.url, user_id="maker") as maker,
        making(running, "--deposit", "1000") as process,
    ):

        async def quoting() -> bool:
            return (await quotes(maker)).keys() == {"y1", "n1"}

        await until(quoting)
        assert {one.price for one in (await quotes(maker)).values()} == {Decimal("0.48")}

        async def held(token: str) -> Decimal:
            account = await maker.account()
            return sum((one.available for one in account.positions if one.token_id == token), zero)

        async def sell(token: str) -> None:
            """Sell the maker what it bids for."""
            bid = (await quotes(maker)).get(token)
            if bid is not None:
                order = buy(token_id=token, side="sell", price=bid.price, quantity=10)
                placed = await client.place(order)
                if placed.order.is_open:  # it has just moved its quote
                    await client.cancel(placed.order.id)
                elif token == "n1":
                    assert bid.price > Decimal("0.48")  # it wants rid of what it has

        async def at_its_limit() -> bool:
            await asyncio.gather(*(sell("y1") for _ in range(3)))
            assert await held("y1") <= LIMIT
            return await held("y1") == LIMIT and (await quotes(maker)).keys() == {"n1"}

        async def merged() -> bool:
            await sell("n1")
            return await held("n1") == 0 and await held("y1") < LIMIT

        await until(at_its_limit)
        await until(merged)
        process.send_signal(signal.SIGTERM)
        said, wrong = await asyncio.wait_for(process.communicate(), WAIT_S)
        assert (process.returncode, wrong.decode()) == (0, "")
        assert await quotes(maker) == {}
        assert "cash: " in said.decode()


async def test_when_it_dies_the_exchange_cancels_its_orders(running: Running) -> None:
    async with (
        Client(running.url, user_id="maker") as maker,
        making(running, "--deposit", "1000") as process,
    ):

        async def quoting() -> bool:
            return len(await quotes(maker)) == 2

        async def gone() -> bool:
            return await quotes(maker) == {}

        await until(quoting)
        process.kill()
        await until(gone)
