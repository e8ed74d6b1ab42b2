"""
A small market maker: it quotes both outcomes of a market around its middle, within a limit.

    pmengine demo                                               # in one terminal
    python examples/market_maker.py --user maker --deposit 1000  # in another

It buys either outcome a bit below what it is worth: who sells to both of its quotes has sold
it a pair, which is worth 1 and is merged back into money. What it holds of one outcome alone
leans its quotes the other way, and has a limit. Its orders belong to a session: when it
dies or is cut off, the exchange cancels them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, Decimal

from pmengine.client import (
    Book,
    Client,
    ClientError,
    Level,
    Mine,
    NewOrder,
    Order,
    Refused,
)

TICK = Decimal("0.0001")
LEAST, MOST = Decimal("0.001"), Decimal("0.999")
REQUOTE_S = 0.1
"""At most so often, however fast the market is."""
IDLE_S = 1.0
"""At least so often."""


class MarketMaker:
    """Quotes one market."""

    def __init__(self, client: Client, book: Book, mine: Mine, args: argparse.Namespace) -> None:
        self.client, self.book, self.mine, self.args = client, book, mine, args
        self.market = {"event_id": args.event, "market_id": args.market}
        self.session = f"maker-{args.event}-{args.market}"

    async def run(self, stopping: asyncio.Event) -> None:
        """Quote until it is stopped; then take the quotes off."""
        await self.client.beat(self.session, timeout_ms=self.args.session_ms)
        works = (self.keep_alive(), self.keep_quoting(), self.tell_fills())
        tasks = [asyncio.create_task(one) for one in works]
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await self.client.beat(self.session, timeout_ms=0)  # cancels all of its orders
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def keep_alive(self) -> None:
        """Let the session live on while the exchange can be reached."""
        pause_s = self.args.session_ms / 4000
        while True:
            try:
                await self.client.beat(
                    self.session, timeout_ms=self.args.session_ms, deadline_s=pause_s
                )
            except ClientError as error:
                if not error.retryable:
                    raise
            await asyncio.sleep(pause_s)

    async def keep_quoting(self) -> None:
        """Quote anew whenever the book has changed, as long as it can be believed."""
        changes = self.book.changes()
        while True:
            if self.book.is_live:
                try:
                    await self.quote()
                except ClientError as error:
                    print(f"not quoted: {error}", flush=True)
                    if isinstance(error, Refused) and not error.retryable:
                        raise
            await asyncio.sleep(REQUOTE_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await anext(changes)

    async def tell_fills(self) -> None:
        """Say what happens to the own orders."""
        async for change in self.mine.changes():
            order = change.order
            if order is not None and order.filled_quantity and change.kind == "order":
                filled = f"{order.filled_quantity} of {order.quantity}"
                print(f"{change.event}: {order.token_id} at {order.price}, {filled}", flush=True)

    async def quote(self) -> None:
        """
        Bring the orders that rest nearer to what they should be.

        Orders are read before the account: what is filled in between counts twice, and never
        not at all. After a cancel the next round decides anew, by what was filled meanwhile.
        """
        resting = [one async for one in self.client.orders(status="active", **self.market)]
        positions = (await self.client.account()).positions
        held = {one.token_id: one.available + one.frozen for one in positions}
        await self.merge_pairs(held)
        wanted = self.wanted(resting, held)
        kept: set[tuple[str, Decimal]] = set()
        is_over = False
        for order in resting:
            quote = (order.token_id, order.price)
            if quote in wanted and quote not in kept:
                kept.add(quote)
                continue
            is_over = True
            with contextlib.suppress(Refused):  # it has just been filled
                await self.client.cancel(order.id)
        new = [self.order(*quote) for quote in wanted if quote not in kept]
        if is_over or not new:
            return
        for answer in await self.client.place_many(new):
            if isinstance(answer, Refused) and answer.code == "SESSION_ENDED":
                # It was cut off for too long: its orders are gone, it begins again.
                await self.client.beat(self.session, timeout_ms=self.args.session_ms)
            elif isinstance(answer, ClientError):
                print(f"not placed: {answer}", flush=True)

    def order(self, token: str, price: Decimal) -> NewOrder:
        """A quote; it never takes."""
        return NewOrder(
            **self.market,
            token_id=token,
            side="buy",
            price=price,
            quantity=self.args.size,
            post_only=True,
            session=self.session,
        )

    def wanted(
        self, resting: list[Order], held: Mapping[str, Decimal]
    ) -> list[tuple[str, Decimal]]:
        """Which token to buy at which price."""
        yes, no = self.book.tokens
        fair = self.fair_price(yes, resting)
        most, size, half = self.args.inventory_max, self.args.size, self.args.spread / 2
        net = held.get(yes, Decimal(0)) - held.get(no, Decimal(0))
        lean = half * net / most
        prices = {yes: fair - half - lean, no: 1 - fair - half + lean}
        room = {yes: most - net, no: most + net}
        return [
            (token, min(max(price.quantize(TICK, ROUND_DOWN), LEAST), MOST))
            for token, price in prices.items()
            if room[token] >= size
        ]

    def fair_price(self, yes: str, resting: list[Order]) -> Decimal:
        """The middle of what others offer; else the last price; else one half."""
        own: dict[tuple[str, Decimal], Decimal] = {}
        for order in resting:
            # A bid for one outcome is an offer of the other.
            side, price = (
                ("bids", order.price) if order.token_id == yes else ("asks", 1 - order.price)
            )
            own[side, price] = own.get((side, price), Decimal(0)) + order.remaining_quantity
        depth = self.book.depth().depths[yes]
        bid = best_of_others("bids", depth.bids, own)
        ask = best_of_others("asks", depth.asks, own)
        if bid is not None and ask is not None:
            return (bid + ask) / 2
        return depth.latest_trade_price or Decimal("0.5")

    async def merge_pairs(self, held: Mapping[str, Decimal]) -> None:
        """Turn pairs of both outcomes back into money."""
        pairs = min(held.get(token, Decimal(0)) for token in self.book.tokens)
        if pairs > 0:
            await self.client.merge(pairs, **self.market)


def best_of_others(
    side: str, levels: Iterable[Level], own: dict[tuple[str, Decimal], Decimal]
) -> Decimal | None:
    """The best price at which there is more than the own orders."""
    for level in levels:
        if level.total_quantity > own.get((side, level.price), 0):
            return level.price
    return None


async def make_market(args: argparse.Namespace) -> None:
    """Make a market until SIGINT or SIGTERM."""
    stopping = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stopping.set)
    who = {"api_key": args.api_key} if args.api_key else {"user_id": args.user}
    async with Client(args.url, **who) as client:
        if args.deposit:
            await client.deposit(args.user, args.deposit)
        # Of the changes only the newest counts: what it quotes comes from the book itself.
        newest = client.book(args.event, args.market, changes_max=1)
        async with newest as book, client.mine() as mine:
            print(f"quoting {' and '.join(book.tokens)}", flush=True)
            await MarketMaker(client, book, mine, args).run(stopping)
        async for position in client.positions(event_id=args.event):
            print(f"{position.token_id}: {position.quantity}, profit {position.realised_profit}")
        print(f"cash: {(await client.account()).cash.available}")


def main() -> None:
    """Read the command line and make a market."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--user", default="maker", help="of an exchange with AUTH=off")
    parser.add_argument("--api-key", help="instead of --user")
    parser.add_argument("--deposit", type=Decimal, help="money to begin with (AUTH=off)")
    parser.add_argument("--event", type=int, default=1)
    parser.add_argument("--market", type=int, default=1)
    parser.add_argument("--spread", type=Decimal, default=Decimal("0.04"))
    parser.add_argument("--size", type=Decimal, default=Decimal(10), help="shares of a quote")
    parser.add_argument("--inventory-max", type=Decimal, default=Decimal(50))
    parser.add_argument("--session-ms", type=int, default=5000, help="cancel after such silence")
    asyncio.run(make_market(parser.parse_args()))


if __name__ == "__main__":
    main()
